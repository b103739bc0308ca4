"""Tests of the skrnn.datasets package as a whole."""

import socket
from importlib import resources

import pytest

from skrnn import datasets

LOADERS = [datasets.load_japanese_vowels, datasets.load_sunspots]


@pytest.mark.parametrize("load", LOADERS)
def test_loading_needs_neither_network_nor_home_directory(load, monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("a loader opened a socket")

    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(socket, "socket", refuse)
    assert len(load().data) > 0
    assert not home.exists()


@pytest.mark.parametrize("load", LOADERS)
def test_every_load_is_a_fresh_copy(load):
    first = load()
    first.data[0][:] = -1.0
    assert (load().data[0] != -1.0).all()


@pytest.mark.parametrize("name", ["sunspots.csv", "japanese_vowels.npz"])
def test_licence_of_every_data_file_is_stated(name):
    readme = resources.files("skrnn.datasets") / "data" / "README.md"
    assert f"`{name}`" in readme.read_text(encoding="utf-8")
