from training.data.synsets import descriptions, is_id, short_names


def test_ids():
    assert is_id("n01440764")
    assert not any(map(is_id, ("", "n0144076", "n014407640", "m01440764", "n01440764\n")))


def test_names_are_short_readable_and_differ():
    described = {
        "n01440764": "tench, Tinca tinca",
        "n02012849": "crane",
        "n03126707": "crane",
        "n03710637": "maillot",
        "n03710721": "maillot, tank suit",
        "n11111111": "same",
        "n22222222": "same",
        "n33333333": "",
    }
    assert short_names(described) == {
        "n01440764": "tench",
        "n02012849": "crane (bird)",
        "n03126707": "crane (machine)",
        "n03710637": "maillot",
        "n03710721": "maillot, tank suit",
        "n11111111": "same (n11111111)",
        "n22222222": "same (n22222222)",
        "n33333333": "n33333333",
    }


def test_imagenets_names_are_those_of_the_shipped_checkpoint():
    # Evaluation matches classes by name, so both must name the 1000 classes alike.
    from timm.data import ImageNetInfo

    from training.imagenet import class_names

    info = ImageNetInfo()
    described = {info.label_names()[i]: info.index_to_description(i) for i in range(1000)}
    assert tuple(short_names(described).values()) == class_names()


def test_descriptions(tmp_path):
    path = tmp_path / "words.txt"
    assert descriptions(path) == {}
    path.write_text("n02124075\tEgyptian cat\nn01440764 tench, Tinca tinca\n")
    assert descriptions(path) == {
        "n02124075": "Egyptian cat",
        "n01440764": "tench, Tinca tinca",
    }
