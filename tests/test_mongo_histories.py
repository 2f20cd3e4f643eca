"""Random operations on MongoDB's store by several processes.

None is killed: the engine, unlike MongoDB, may never end the transaction of a client that died.
"""

import pytest

from tests.conftest import do_without
from tests.histories.command import main
from tests.services import ServiceMissingError


@pytest.mark.parametrize("threads", [[], ["--threads"]], ids=["tasks", "threads"])
def test_every_promise_is_kept(threads: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--operations", "160", "--processes", "2", "--tasks", "3", "--kills", "0"]
    try:
        found = main(["--store", "mongodb", *sizes, *threads])
    except ServiceMissingError as error:
        do_without(str(error))

    assert found == 0, capsys.readouterr().out
