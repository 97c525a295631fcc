#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the fixtures of tests/core/data: arrays in every flavour of NPY, NPZ archives, and transforms as NumPy does
them. Deterministic: running it again changes no file."""
import pathlib
import zipfile

import numpy as np
from numpy.lib import format as npy_format

HERE = pathlib.Path(__file__).parent


def save_npy(path, array, version=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        npy_format.write_array(file, array, version=version, allow_pickle=False)


def save_npz(path, compression, **arrays):
    """As np.savez, with a fixed date, so that the bytes are always the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(name + ".npy", date_time=(2020, 1, 1, 0, 0, 0))
            info.compress_type = compression
            with archive.open(info, "w") as member:
                npy_format.write_array(member, array, allow_pickle=False)


def write_npy():
    """Element (i, j) of the 3×2 tables is 10 i + j unless said otherwise."""
    folder = HERE / "npy"
    table = np.array([[0, 1], [10, 11], [20, 21]])
    for dtype in ["<f4", "<f8", ">f4", ">f8", "<i2", ">i4", "<i8", "<u2", "<u4", ">u8", "|u1", "|i1"]:
        for order in "CF":
            name = f"table_{dtype.replace('<', 'le_').replace('>', 'be_').replace('|', '')}_{order}.npy"
            save_npy(folder / name, np.array(table, dtype=dtype, order=order))
    save_npy(folder / "negative_i1.npy", np.array([-128, -1, 127], dtype="i1"))
    save_npy(folder / "bool.npy", np.array([[True, False], [False, True]]))
    save_npy(folder / "version_2.npy", table.astype("<f8"), version=(2, 0))
    save_npy(folder / "version_3.npy", table.astype("<f8"), version=(3, 0))
    save_npy(folder / "labels_i8.npy", np.array([7, -2, 7], dtype="<i8"))
    save_npy(folder / "complex.npy", np.array([1 + 2j]))
    save_npy(folder / "scalar.npy", np.array(3.0))
    save_npy(folder / "empty.npy", np.zeros((0, 4)))
    save_npy(folder / "structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    # Value of pixel (n, c, h, w) is 1000 n + 100 c + 10 h + w, in Fortran order: the reader must reorder it.
    n, c, h, w = np.indices((2, 3, 2, 4))
    save_npy(folder / "images_F.npy", np.asfortranarray((1000 * n + 100 * c + 10 * h + w).astype("<f4")))
    save_npy(folder / "nan.npy", np.array([[0.0, 1.0], [2.0, np.nan], [4.0, 5.0]]))


def write_npz():
    folder = HERE / "npz"
    x_train = np.arange(12, dtype="<f8").reshape(4, 3)
    y_train = np.array([5, 9, 5, 9], dtype="<i4")
    x_test = -np.arange(6, dtype="<f8").reshape(2, 3)
    y_test = np.array([9, 5], dtype="<i4")
    save_npz(folder / "deflated.npz", zipfile.ZIP_DEFLATED, x_train=x_train, y_train=y_train, x_test=x_test,
             y_test=y_test)
    save_npz(folder / "own_names.npz", zipfile.ZIP_STORED, inputs=x_train, outputs=np.stack([y_train, -y_train], 1) / 2)
    # 16 MiB of zeros in 17 kB.
    save_npz(folder / "bomb.npz", zipfile.ZIP_DEFLATED, X=np.zeros((4096, 1024), dtype="<f4"),
             y=np.zeros(4096, dtype="|u1"))
    save_npz(folder / "bzip2.npz", zipfile.ZIP_BZIP2, X=x_train, y=y_train)


def principal_directions(table, k):
    """First k right singular vectors of the centred table; the entry of largest size is positive."""
    _, _, rows = np.linalg.svd(table - table.mean(0), full_matrices=False)
    directions = rows[:k].T
    largest = np.abs(directions).argmax(0)
    return directions * np.sign(directions[largest, np.arange(k)])


def write_transforms():
    folder = HERE / "transforms"
    generator = np.random.default_rng(7)
    tall = generator.normal(size=(40, 6)) @ generator.normal(size=(6, 6)) + 5.0
    wide = generator.normal(size=(6, 15)) * 3.0 - 1.0
    fresh = generator.normal(size=(4, 6))
    save_npy(folder / "tall.npy", tall)
    save_npy(folder / "wide.npy", wide)
    save_npy(folder / "fresh.npy", fresh)
    save_npy(folder / "tall_standardized.npy", (tall - tall.mean(0)) / tall.std(0))
    save_npy(folder / "fresh_standardized.npy", (fresh - tall.mean(0)) / tall.std(0))
    save_npy(folder / "tall_pca3.npy", (tall - tall.mean(0)) @ principal_directions(tall, 3))
    save_npy(folder / "fresh_pca3.npy", (fresh - tall.mean(0)) @ principal_directions(tall, 3))
    save_npy(folder / "wide_pca4.npy", (wide - wide.mean(0)) @ principal_directions(wide, 4))
    images = generator.integers(0, 256, size=(5, 3, 2, 4)).astype("<f4")
    save_npy(folder / "images.npy", images)
    doubles = images.astype("f8") / 255.0
    mean = doubles.mean((0, 2, 3), keepdims=True)
    std = doubles.std((0, 2, 3), keepdims=True)
    save_npy(folder / "images_normalized.npy", ((doubles - mean) / std).reshape(5, -1))


if __name__ == "__main__":
    write_npy()
    write_npz()
    write_transforms()
