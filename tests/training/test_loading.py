import pytest
import torch
from pictures_made import encode, noise

from dfm_viz.types import UserError
from training.augment import Augment
from training.data import Item, open_dataset
from training.loading import CACHE_LIMIT, Loader, Squares, read_square, worker_count
from training.recipe_parts import AugmentPart, DataPart

KEYS = [[(0, 3), (0, 1)], [(0, 2)], [(1, 3), (1, 0)]]


@pytest.fixture
def items(cub_root):
    return open_dataset("cub", cub_root).train


def loaded(items, cache="memory", workers=0, seed=4, keys=KEYS):
    augment = Augment(AugmentPart(), 32, seed)
    loader = Loader(Squares(items, 40, cache), augment, workers, pinned=False)
    return [batch.clone() for batch in loader.batches(keys)]


def test_neither_cache_nor_workers_change_a_picture(items):
    expected = loaded(items)
    assert [b.shape for b in expected] == [(2, 3, 32, 32), (1, 3, 32, 32), (2, 3, 32, 32)]
    for cache, workers in (("none", 0), ("memory", 2), ("none", 2)):
        found = loaded(items, cache, workers)
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True)), cache


def test_a_picture_depends_on_seed_epoch_and_index_not_on_its_batch(items):
    expected = torch.cat(loaded(items))
    alone = torch.cat(loaded(items, keys=[[key] for batch in KEYS for key in batch]))
    assert torch.equal(alone, expected)
    assert not torch.equal(expected[0], expected[3])  # picture 3 in epochs 0 and 1
    other = torch.cat(loaded(items, seed=5))
    assert all(not torch.equal(a, b) for a, b in zip(expected, other, strict=True))


def test_a_loader_serves_one_epoch_after_another(items):
    loader = Loader(Squares(items, 40, "memory"), Augment(AugmentPart(), 32, 4), 2, pinned=False)
    first = list(loader.batches(KEYS[:2]))
    second = list(loader.batches(KEYS[2:]))
    for a, b in zip([*first, *second], loaded(items), strict=True):
        assert torch.equal(a, b)


def test_the_callers_random_numbers_are_left_alone(items):
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    loaded(items)
    assert torch.equal(torch.rand(2), expected)


def test_a_square_is_the_whole_picture_squashed(items):
    square, size = read_square(items[0], 40)
    assert size == (48, 36)
    assert square.shape == (3, 40, 40)
    # The green rectangle of the first picture: x 4-24 of 48, y 3-20 of 36.
    assert square[1, 10, 10] > 150 > square[0, 10, 10]
    assert square[1, 38, 38] < 130


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_picture_is_named(tmp_path, workers):
    (tmp_path / "torn.jpg").write_bytes(b"not a picture")
    items = [Item(tmp_path / "torn.jpg", 0, ())]
    with pytest.raises(UserError, match=r"torn\.jpg"):
        Squares(items, 40, "memory")
    with pytest.raises(UserError, match=r"torn\.jpg"):
        loaded(items, "none", workers, keys=[[(0, 0)]])


def test_nothing_is_learnt_from_a_picture_without_its_end(tmp_path):
    """People see such a picture with a note; for training, what is missing would be grey."""
    path = tmp_path / "torn.jpg"
    path.write_bytes(encode(noise(64, 64), "JPEG")[:-200])
    with pytest.raises(UserError, match=r"torn\.jpg is a JPEG that is cut off"):
        read_square(Item(path, 0, ()), 40)


def test_large_sets_are_not_kept(items, monkeypatch):
    assert Squares(items, 40, "auto").kept is not None
    monkeypatch.setattr("training.loading.CACHE_LIMIT", len(items) * 3 * 40 * 40 - 1)
    assert Squares(items, 40, "auto").kept is None
    assert Squares(items, 40, "memory").kept is not None
    assert CACHE_LIMIT > 5994 * 3 * 288**2  # CUB fits


def test_a_fixed_crop_is_a_piece_of_the_picture(items):
    square = read_square(items[0], 40)[0]
    part = AugmentPart(crop="fixed", flip=0, jitter=0)
    piece = Augment(part, 32, 0)(square, 0, 0)
    places = square.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4)
    assert (places == piece).all(dim=4).all(dim=3).all(dim=2).sum() == 1


def test_workers_by_device(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16), raising=False)
    assert worker_count(DataPart(), on_gpu=False) == 1
    assert worker_count(DataPart(), on_gpu=False, pictures=100) == 0
    assert worker_count(DataPart(), on_gpu=False, local_processes=16) == 0
    assert worker_count(DataPart(), on_gpu=True) == 8
    assert worker_count(DataPart(), on_gpu=True, local_processes=4) == 3
    assert worker_count(DataPart(workers=5), on_gpu=False) == 5
