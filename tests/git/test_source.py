"""A branch followed: each commit in a directory of its own, and whatever happens to the remote, the last one stays."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.git.source import GitOptions, GitSource, GitUnusable
from tests.git.repositories import FILE, FLEET, LINK, SUBMODULE, Author, git, make_author, tree_of
from tests.git.sources import close, contents, fetch, keep, last, mark, options_for, refusal, restarted


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return make_author(tmp_path / "author")


@pytest.fixture
def options(author: Author, tmp_path: Path) -> GitOptions:
    return options_for(author, tmp_path / "data/git")


@pytest.fixture
def source(options: GitOptions) -> GitSource:
    return GitSource(options)


def test_the_first_fetch(author: Author, source: GitSource, options: GitOptions) -> None:
    revision = fetch(source)
    assert revision.commit == author.head()
    assert (revision.author, revision.subject, revision.rewritten) == ("Ada", "one", False)
    assert abs(revision.committed_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert contents(revision.root) == {"fleet.yaml": FLEET}
    assert options.directory.stat().st_mode & 0o777 == 0o700


def test_without_news_it_is_the_same_revision(source: GitSource) -> None:
    assert fetch(source) is fetch(source)


def test_a_new_commit_leaves_the_former_as_it_was(author: Author, source: GitSource) -> None:
    author.commit("two", a="a", b="b")
    former = fetch(source)
    (author.clone / "fleet/b.yaml").unlink()
    author.commit("three", a="changed", c="c")
    revision = fetch(source)
    assert revision.root != former.root
    assert contents(revision.root) == {"fleet.yaml": FLEET, "a.yaml": "changed", "c.yaml": "c"}
    assert contents(former.root) == {"fleet.yaml": FLEET, "a.yaml": "a", "b.yaml": "b"}
    assert not revision.rewritten


def test_an_unchanged_file_keeps_its_inode_and_time(author: Author, source: GitSource) -> None:
    """So that what was read once need not be read again."""
    author.commit("two", a="a")
    former = fetch(source).root
    author.commit("three", a="b")
    root = fetch(source).root
    same, old = (root / "fleet.yaml").stat(), (former / "fleet.yaml").stat()
    assert (same.st_ino, same.st_mtime_ns) == (old.st_ino, old.st_mtime_ns)
    assert (root / "a.yaml").stat().st_ino != (former / "a.yaml").stat().st_ino


def test_a_revert_is_a_new_commit(author: Author, source: GitSource) -> None:
    first = fetch(source)
    author.commit("two", a="a")
    fetch(source)
    git(author.clone, "revert", "--no-edit", "HEAD")
    author.push()
    reverted = fetch(source)
    assert reverted.commit != first.commit
    assert contents(reverted.root) == contents(first.root)
    assert (reverted.subject, reverted.rewritten) == ('Revert "two"', False)


def test_a_forced_push_is_told(author: Author, source: GitSource, options: GitOptions) -> None:
    author.commit("two", a="a")
    former = fetch(source)
    git(author.clone, "reset", "--quiet", "--hard", "HEAD~1")
    author.commit("other", b="b", push=False)
    author.push("--force")
    revision = fetch(source)
    assert revision.rewritten
    assert contents(revision.root) == {"fleet.yaml": FLEET, "b.yaml": "b"}
    assert contents(former.root) == {"fleet.yaml": FLEET, "a.yaml": "a"}
    assert fetch(restarted(source, options)).rewritten, "a restart does not make it forgotten"


def test_a_forced_push_while_the_daemon_was_down_is_told(
    author: Author, source: GitSource, options: GitOptions
) -> None:
    author.commit("two", a="a")
    fetch(source)
    git(author.clone, "reset", "--quiet", "--hard", "HEAD~1")
    author.push("--force")
    assert fetch(restarted(source, options)).rewritten


def test_a_branch_pushed_back_to_what_is_on_disk(author: Author, source: GitSource) -> None:
    first = fetch(source)
    author.commit("two", a="a")
    second = fetch(source)
    git(author.clone, "reset", "--quiet", "--hard", "HEAD~1")
    author.push("--force")
    back = fetch(source)
    assert (back.commit, back.root, back.rewritten) == (first.commit, first.root, True)
    git(author.clone, "reset", "--quiet", "--hard", second.commit)
    author.push()
    assert not fetch(source).rewritten


def test_a_branch_that_was_deleted_is_said_with_what_there_is(author: Author, source: GitSource) -> None:
    former = fetch(source)
    git(author.clone, "push", "--quiet", "origin", "HEAD:next")
    git(author.remote, "branch", "--quiet", "-D", "main")
    assert refusal(source) == f"file://{author.remote}: there is no branch 'main'; there is next"
    assert contents(former.root) == {"fleet.yaml": FLEET}
    author.push()
    assert fetch(source).commit == former.commit


def test_an_empty_repository(author: Author, source: GitSource) -> None:
    shutil.rmtree(author.remote)
    git(author.clone, "init", "--quiet", "--bare", str(author.remote))
    assert refusal(source).endswith("there is no branch 'main'; the repository has no branch yet")


def test_a_remote_that_is_gone_and_comes_back(author: Author, source: GitSource) -> None:
    former = fetch(source)
    author.remote.rename(author.remote.with_name("away"))
    said = refusal(source)
    assert said.startswith(f"file://{author.remote}: there is no such repository, or nobody without rights may know")
    assert contents(former.root) == {"fleet.yaml": FLEET}
    author.remote.with_name("away").rename(author.remote)
    assert fetch(source) is former


def test_a_host_that_does_not_answer(author: Author, tmp_path: Path) -> None:
    source = GitSource(options_for(author, tmp_path / "data", url="https://127.0.0.1:1/fleet.git"))
    assert refusal(source).startswith("https://127.0.0.1:1/fleet.git: it cannot be reached now")


def test_a_path_that_is_not_in_the_commit(author: Author, tmp_path: Path) -> None:
    source = GitSource(options_for(author, tmp_path / "data", path="infra/fleet"))
    commit = author.head()[:12]
    assert refusal(source) == (
        f"branch 'main' of file://{author.remote}: there is no directory 'infra/fleet' in the commit {commit}: "
        "see the path, or push the fleet to there"
    )
    author.write("infra/fleet/fleet.yaml", "moved")
    author.commit("two")
    assert contents(fetch(source).root) == {"fleet.yaml": "moved"}


@pytest.mark.parametrize("path", [".", "", "./"])
def test_the_root_of_the_repository(author: Author, tmp_path: Path, path: str) -> None:
    assert contents(fetch(GitSource(options_for(author, tmp_path / "data", path=path))).root) == {
        "fleet/fleet.yaml": FLEET
    }


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../../b", "a\0b"])
def test_a_path_that_leads_out_of_the_repository(author: Author, tmp_path: Path, path: str) -> None:
    with pytest.raises(GitUnusable, match="is not a directory inside the repository"):
        GitSource(options_for(author, tmp_path / "data", path=path))


def test_what_was_in_force_is_there_after_a_restart_without_the_remote(
    author: Author, source: GitSource, options: GitOptions
) -> None:
    assert last(source) is None
    revision = fetch(source)
    assert last(source) is None, "fetched is not in force"
    mark(source, revision)
    author.commit("two", a="rubbish")
    fetch(source)
    shutil.rmtree(author.remote)
    assert last(restarted(source, options)) == revision


def test_what_is_not_kept_is_removed_and_what_was_in_force_can_be_had_again(
    author: Author, source: GitSource, options: GitOptions
) -> None:
    first = fetch(source)
    mark(source, first)
    author.commit("two", a="a")
    second = fetch(source)
    keep(source, second)
    assert not first.root.exists()
    assert contents(second.root) == {"fleet.yaml": FLEET, "a.yaml": "a"}
    git(author.clone, "reset", "--quiet", "--hard", "HEAD~1")
    author.push("--force")
    assert fetch(source).commit == first.commit
    keep(source, first)
    assert not second.root.exists()
    keep(source)
    assert not first.root.exists()
    again = last(restarted(source, options))
    assert again is not None
    assert again.commit == first.commit
    assert contents(again.root) == {"fleet.yaml": FLEET}


def test_another_branch_in_the_same_directory_starts_anew(
    author: Author, source: GitSource, options: GitOptions
) -> None:
    mark(source, fetch(source))
    git(author.clone, "push", "--quiet", "origin", "HEAD:next")
    other = restarted(source, options_for(author, options.directory, branch="next"))
    assert last(other) is None
    assert not fetch(other).rewritten


def test_a_directory_that_is_deleted_meanwhile_is_made_anew(
    author: Author, source: GitSource, options: GitOptions
) -> None:
    first = fetch(source)
    mark(source, first)
    shutil.rmtree(options.directory)
    again = fetch(source)
    assert (again.commit, again.root, again.rewritten) == (first.commit, first.root, False)
    assert contents(again.root) == {"fleet.yaml": FLEET}
    author.commit("two", a="a")
    shutil.rmtree(options.directory)
    mark(source, fetch(source))
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET, "a.yaml": "a"}
    assert last(restarted(source, options)) is not None


def test_a_directory_that_was_exchanged_for_another_one_is_not_written_to_without_its_lock(
    source: GitSource, options: GitOptions
) -> None:
    fetch(source)
    options.directory.rename(options.directory.with_name("aside"))
    other = GitSource(options)
    fetch(other)
    assert "is in use by another process" in refusal(source)
    close(other)
    fetch(source)


def test_a_directory_named_from_where_the_process_stands(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = GitSource(options_for(author, Path("data/git")))
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET}
    author.commit("two", a="a")
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET, "a.yaml": "a"}


def test_two_sources_do_not_share_a_directory(source: GitSource, options: GitOptions) -> None:
    fetch(source)
    assert "is in use by another process" in refusal(GitSource(options))
    close(source)
    fetch(GitSource(options))


def test_a_directory_that_holds_other_things_is_left_alone(author: Author, tmp_path: Path) -> None:
    precious = tmp_path / "home/precious"
    precious.parent.mkdir()
    precious.write_text("x")
    assert "holds other things" in refusal(GitSource(options_for(author, precious.parent)))
    assert list(precious.parent.iterdir()) == [precious]


@pytest.mark.parametrize(
    "branch", ["", "-x", "a..b", "a b", "a~1", "*", "a/", "a.lock", "@", "a\nb", "x:refs/heads/y", "^a", "a//b", ".a"]
)
def test_what_cannot_be_a_branch_is_refused_before_git_sees_it(author: Author, tmp_path: Path, branch: str) -> None:
    with pytest.raises(GitUnusable, match="cannot be the name of a branch"):
        GitSource(options_for(author, tmp_path / "data", branch=branch))


@pytest.mark.parametrize("branch", ["--upload-pack=x", "--upload-pack=touch ran"])
def test_a_branch_that_looks_like_an_option(author: Author, tmp_path: Path, branch: str) -> None:
    with pytest.raises(GitUnusable, match="cannot be the name of a branch"):
        GitSource(options_for(author, tmp_path / "data", branch=branch))


@pytest.mark.parametrize(
    "branch", ["release/--upload-pack=x", "ünï/" + "/".join(["n" * 200] * 10), "refs/heads/main", "HEAD"]
)
def test_a_branch_with_an_odd_name(author: Author, tmp_path: Path, branch: str) -> None:
    author.commit("two", a="a", push=False)
    git(author.clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    assert fetch(GitSource(options_for(author, tmp_path / "data", branch=branch))).commit == author.head()


def test_a_huge_number_of_references_beside_the_branch(author: Author, source: GitSource) -> None:
    head = author.head()
    packed = "".join(f"{head} refs/heads/{'x' * 180}{number:04}\n" for number in range(5000))
    (author.remote / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{packed}")
    assert fetch(source).commit == author.head()
    assert len(git(source._place.clone, "for-each-ref").splitlines()) == 2


def test_a_repository_with_sha256(tmp_path: Path) -> None:
    work = tmp_path / "work"
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(work))
    author = Author(work, work)
    author.commit("one", fleet=FLEET, push=False)
    source = GitSource(options_for(author, tmp_path / "data"))
    assert fetch(source).commit == author.head()
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET}


def test_a_path_in_place_of_an_address(author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(author.remote.parent)
    assert fetch(GitSource(options_for(author, tmp_path / "data", url="remote.git"))).commit == author.head()


def test_without_git_it_says_so(options: GitOptions) -> None:
    assert refusal(GitSource(options, {"PATH": "/nonexistent"})) == "the program `git` is not installed"


def test_a_subject_with_control_characters_and_no_end(author: Author, source: GitSource) -> None:
    author.commit("\x1b[31mred \x07" + "x" * 1000)
    subject = fetch(source).subject
    assert subject.isprintable()
    assert len(subject) <= 201


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "../../../../../../etc", "..//./../x"])
def test_a_link_out_of_the_repository_refuses_the_commit(author: Author, source: GitSource, target: str) -> None:
    former = fetch(source)
    (author.clone / "fleet/x.yaml").symlink_to(target)
    author.commit("two")
    assert refusal(source) == (
        f"branch 'main' of file://{author.remote}: {author.head()[:12]} is refused: fleet/x.yaml is a link that leads "
        "out of the repository: put the files themselves there"
    )
    assert contents(former.root) == {"fleet.yaml": FLEET}


def test_a_link_within_the_repository_is_followed(author: Author, source: GitSource) -> None:
    author.write("common/plans/small.yaml", "small")
    (author.clone / "fleet/plans").symlink_to("../common/plans")
    author.commit("two")
    revision = fetch(source)
    assert (revision.root / "plans/small.yaml").read_text() == "small"
    assert (revision.root / "plans").is_symlink()


def test_a_submodule_refuses_the_commit(author: Author, source: GitSource) -> None:
    git(author.clone, "update-index", "--add", "--cacheinfo", f"{SUBMODULE},{author.head()},fleet/module")
    git(author.clone, "commit", "--quiet", "--message=two")
    author.push()
    assert "fleet/module is a submodule, and submodules are not fetched" in refusal(source)


@pytest.mark.parametrize("name", [b"..", b"a/../../../../evil", b"/tmp/evil"])
def test_names_that_lead_elsewhere_refuse_the_commit(author: Author, source: GitSource, name: bytes) -> None:
    fetch(source)
    author.commit_tree({b"fleet": ("40000", tree_of(author.clone, {name: (FILE, b"x")}))})
    refusal(source)


def test_a_name_that_is_a_link_and_a_directory_writes_nothing_outside(
    author: Author, source: GitSource, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    fleet = tree_of(author.clone, {b"d": (LINK, b"inner"), b"d/evil": (FILE, b"x"), b"inner/x": (FILE, b"x")})
    author.commit_tree({b"fleet": ("40000", fleet)})
    assert "cannot be written" in refusal(source)


def test_nothing_that_the_repository_holds_is_run(author: Author, source: GitSource, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    author.write(".gitattributes", "*.yaml filter=evil diff=evil export-subst\nsecret.yaml export-ignore\n")
    author.write(
        ".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% {marker}\n\tupdate = !touch {marker}\n'
    )
    author.write(".lfsconfig", f"[lfs]\n\turl = file://{marker}\n")
    author.write("fleet/secret.yaml", "$Format:%H$ version https://git-lfs.github.com/spec/v1\n")
    author.write("fleet/.git-hooks/post-checkout", f"touch {marker}")
    author.commit("two")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[filter "evil"]\n\tsmudge = touch {marker}; cat\n[core]\n\thooksPath = {tmp_path}/hooks\n'
        f"\tfsmonitor = touch {marker}\n[init]\n\ttemplateDir = {tmp_path}/template\n"
    )
    for directory in (tmp_path / "hooks", tmp_path / "template/hooks"):
        directory.mkdir(parents=True)
        for hook in ("reference-transaction", "post-checkout", "post-merge", "pre-auto-gc"):
            (directory / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
            (directory / hook).chmod(0o755)
    source = GitSource(source._options, {**os.environ, "HOME": str(home)})
    revision = fetch(source)
    assert (revision.root / "secret.yaml").read_text().startswith("$Format:%H$")
    assert not marker.exists()


@pytest.mark.parametrize(
    "variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_COUNT"]
)
def test_variables_of_git_around_it_do_not_matter(
    author: Author, options: GitOptions, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "7")
    assert fetch(GitSource(options)).commit == author.head()


def test_the_configuration_of_the_account_does_not_lead_elsewhere(
    author: Author, options: GitOptions, tmp_path: Path
) -> None:
    other = make_author(tmp_path / "other")
    other.commit("not asked for", a="a")
    (tmp_path / ".gitconfig").write_text(f'[url "file://{other.remote}"]\n\tinsteadOf = file://{author.remote}\n')
    assert fetch(GitSource(options, {**os.environ, "HOME": str(tmp_path)})).commit == author.head()
