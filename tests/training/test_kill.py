"""A training that is killed at random moments loses nothing but the epoch that was under way."""

from kill import differences, finish, start, torment


def test_a_training_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path):
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    killed.mkdir()
    undisturbed.mkdir()
    epochs, struck = torment(killed, kills=8, seed=1)
    process = start(undisturbed, epochs)
    assert finish(process)[1] == ""
    assert process.returncode == 0
    assert differences(killed, undisturbed) == []
    assert sum(struck.values()) == 8
    assert struck["in an epoch"] + struck["in a save"] >= 3, "the kills have to strike something"
