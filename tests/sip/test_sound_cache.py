"""The folder of sounds: made once, used by many, never larger than it may be."""

import asyncio
import os
import subprocess
import sys

import pytest

from ringback.carriers.sip.cache import Cache


def writing(content, made=None):
    """What makes a file of this content, and counts how often."""

    async def make(draft):
        if made is not None:
            made.append(draft)
        await asyncio.sleep(0)
        draft.write_bytes(content)

    return make


def aged(path, sec):
    """Make the last use of a file so many seconds older."""
    at = path.stat().st_mtime - sec
    os.utime(path, (at, at))


async def test_file_is_made_by_who_asks_first(tmp_path):
    """Many at once wait for one; later ones find it."""
    cache, made = Cache(tmp_path / "sounds"), []
    paths = await asyncio.gather(*(cache.file("a", writing(b"sound", made)) for _ in range(20)))
    assert {path.read_bytes() for path in paths} == {b"sound"}
    assert await cache.file("a", writing(b"other", made)) == paths[0]
    assert len(made) == 1
    assert cache.find("a") == paths[0]
    assert cache.find("b") is None


async def test_nobody_but_the_owner_reads_it(tmp_path):
    """What is spoken may be about somebody."""
    path = await Cache(tmp_path / "sounds").file("a", writing(b"sound"))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_file_that_could_not_be_made_is_not_there(tmp_path):
    """All who waited are told, nothing is left, and the next one tries again."""
    cache = Cache(tmp_path)

    async def fail(draft):
        draft.write_bytes(b"half")
        await asyncio.sleep(0)
        raise ValueError("no")

    told = await asyncio.gather(*(cache.file("a", fail) for _ in range(3)), return_exceptions=True)
    assert [str(fault) for fault in told] == ["no"] * 3
    assert list(tmp_path.iterdir()) == []
    assert (await cache.file("a", writing(b"whole"))).read_bytes() == b"whole"


async def test_who_asked_first_may_leave(tmp_path):
    """The others still get the file, and it is made although nobody is left."""
    cache, go_on, begun = Cache(tmp_path), asyncio.Event(), asyncio.Event()

    async def slowly(draft):
        begun.set()
        await go_on.wait()
        draft.write_bytes(b"sound")

    first, second = (asyncio.create_task(cache.file("a", slowly)) for _ in range(2))
    await begun.wait()
    first.cancel()
    go_on.set()
    assert (await second).read_bytes() == b"sound"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_was_used_longest_ago_goes_first(tmp_path):
    """Beyond the bound; a use of it counts as much as its making."""
    cache = Cache(tmp_path, most_bytes=1000, keep_sec=10)
    for age, name in enumerate("abcd"):
        path = await cache.file(name, writing(bytes(240)))
        aged(path, 500 - age)
    cache.find("a")
    await cache.file("e", writing(bytes(240)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d", "e"]


async def test_what_was_used_just_now_stays(tmp_path):
    """Who was given its path may be about to open it."""
    cache = Cache(tmp_path, most_bytes=1000, keep_sec=600)
    for name in "abcdefgh":
        await cache.file(name, writing(bytes(240)))
    assert len(list(tmp_path.iterdir())) == 8


async def test_what_nobody_uses_goes_after_a_day(tmp_path):
    """However much room there is: it may tell of somebody. So do drafts of processes that died."""
    cache = Cache(tmp_path)
    aged(await cache.file("a", writing(b"sound")), 90_000)
    (tmp_path / ".x.new").write_bytes(b"half")
    aged(tmp_path / ".x.new", 90_000)
    later = Cache(tmp_path)
    await later.file("b", writing(b"sound"))
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_processes_that_make_the_same_do_no_harm(tmp_path):
    """Whoever is last, the file is whole at every moment."""
    code = (
        "import asyncio, sys; from pathlib import Path; from ringback.carriers.sip.cache import Cache\n"
        "async def make(draft): draft.write_bytes(b'sound' * 100000)\n"
        "async def main():\n"
        "    for n in range(50):\n"
        "        path = await Cache(Path(sys.argv[1])).file(str(n), make)\n"
        "        assert path.stat().st_size == 500000\n"
        "asyncio.run(main())\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(3)]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 50
