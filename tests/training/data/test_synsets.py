from training.data.synsets import descriptions, is_id


def test_ids():
    assert is_id("n01440764")
    assert not any(map(is_id, ("", "n0144076", "n014407640", "m01440764", "n01440764\n")))


def test_descriptions(tmp_path):
    path = tmp_path / "words.txt"
    assert descriptions(path) == {}
    path.write_text("n02124075\tEgyptian cat\nn01440764 tench, Tinca tinca\n")
    assert descriptions(path) == {
        "n02124075": "Egyptian cat",
        "n01440764": "tench, Tinca tinca",
    }
