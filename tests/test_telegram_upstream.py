"""python-telegram-bot's own tests of persistence, with ours in the place of theirs."""

from pathlib import Path

import pytest

from tests import telegram_upstream, upstream

INI = """
[pytest]
addopts = --strict-config --import-mode=prepend -p no:cacheprovider -p no:anyio -n 2
"""

WITHOUT_OPTIONAL = {"GITHUB_ACTIONS": "true", "TEST_WITH_OPT_DEPS": "false"}
"""Their way to say that pytz and the like need not be installed."""

FILES = (
    "tests/ext/test_basepersistence.py",
    "tests/ext/test_picklepersistence.py",
    "tests/ext/test_dictpersistence.py",
    "tests/ext/test_application.py::TestApplication::test_init",
    "tests/ext/test_applicationbuilder.py::TestApplicationBuilder::test_all_application_args_custom",
)

BASE = "tests/ext/test_basepersistence.py::TestBasePersistence::"
PICKLE = "tests/ext/test_picklepersistence.py::TestPicklePersistence::"
DICT = "tests/ext/test_dictpersistence.py::TestDictPersistence::"
LEFT_OUT = {
    f"{BASE}test_update_interval[papp0]": "measures the application's wall clock to a tenth, on an idle machine",
    f"{PICKLE}test_on_flush": "looks for the file of a pickle",
    f"{PICKLE}test_pickle_behaviour_with_slots": "stores a Message as a pickle; ours refuses it",
    f"{PICKLE}test_with_bad_multi_file": "reads a broken pickle",
    f"{PICKLE}test_with_bad_single_file": "reads a broken pickle",
    f"{PICKLE}test_with_invalid_multi_file": "reads a broken pickle",
    f"{PICKLE}test_with_invalid_single_file": "reads a broken pickle",
    f"{PICKLE}test_updating_multi_file": "opens the files and unpickles them",
    f"{PICKLE}test_updating_single_file": "opens the file and unpickles it",
    f"{PICKLE}test_updating_single_file_no_data": "looks for the file of a pickle",
    f"{PICKLE}test_save_on_flush_multi_files": "opens the files and unpickles them",
    f"{PICKLE}test_save_on_flush_single_files": "opens the file and unpickles it",
    f"{PICKLE}test_custom_pickler_unpickler_simple": "is about their pickler",
    f"{PICKLE}test_custom_pickler_unpickler_with_custom_objects": "is about their pickler",
    f"{PICKLE}test_filepath_argument_types": "is about the path of a file",
    f"{PICKLE}test_with_context_types": "keeps an int, a float or a complex as the whole data",
    f"{PICKLE}test_no_write_if_data_did_not_change": "looks for the file of a pickle; ours has a test of its own",
    f"{DICT}test_bad_json_string_given": "is about the parser of the JSON that a DictPersistence begins with",
    f"{DICT}test_invalid_json_string_given": "is about the parser of the JSON that a DictPersistence begins with",
    f"{DICT}test_good_json_input_callback_data_none": "is about the attributes of a DictPersistence",
    f"{DICT}test_dict_outputs": "is about the attributes of a DictPersistence",
    f"{DICT}test_json_outputs": "is about the attributes of a DictPersistence",
    f"{DICT}test_updating": "is about the attributes of a DictPersistence",
    f"{DICT}test_no_data_on_init": "is about the attributes of a DictPersistence",
    f"{DICT}test_no_json_dumping_if_data_did_not_change": "is about the attributes of a DictPersistence",
}
"""With the reason; all of them presume a pickle, a file, or what else ours has not."""

EXPECTED = {
    *(
        f"test_basepersistence.TestBasePersistence.{test}"
        for test in (
            "test_slot_behaviour",
            "test_set_bot_error[papp0]",
            "test_initialization_basic[papp0]",
            "test_initialization_basic[papp1]",
            "test_add_conversation_handler_after_init[papp0]",
            "test_update_persistence_loop_call_count_update_handling[all_data]",
            "test_update_persistence_loop_call_count_job[all_data]",
            "test_update_persistence_loop_saved_data_update_handling[all_data]",
            "test_update_persistence_loop_saved_data_update_handling[no_data]",
            "test_update_persistence_loop_saved_data_job[all_data]",
            "test_update_persistence_loop_async_logic[handler-papp0]",
            "test_update_persistence_loop_manual_mark_for_update_persistence[all_data]",
            "test_update_persistence_after_exception[blocking_handler-papp0]",
            "test_calls_on_shutdown[papp0]",
            "test_drop_chat_data[papp0]",
            "test_drop_user_data[papp0]",
            "test_migrate_chat_data[papp0]",
            "test_errors_while_persisting",
            "test_non_blocking_conversations",
            "test_non_blocking_conversations_raises_Exception",
            "test_non_blocking_conversations_on_stop",
            "test_non_blocking_conversations_on_improper_stop",
            "test_conversation_ends[papp0]",
            "test_non_blocking_conversation_ends",
            "test_conversation_timeout",
            "test_persistent_nested_conversations",
        )
    ),
    *(
        f"test_picklepersistence.TestPicklePersistence.{test}_{files}_file{data}"
        for files in ("multi", "single")
        for test, data in (
            ("test_no_files_present", ""),
            ("test_with_good", ""),
            ("test_with", "_wo_bot_data"),
            ("test_with", "_wo_callback_data"),
        )
    ),
    "test_picklepersistence.TestPicklePersistence.test_slot_behaviour",
    *(
        f"test_dictpersistence.TestDictPersistence.{test}"
        for test in ("test_slot_behaviour", "test_no_json_given", "test_good_json_input")
    ),
    "test_application.TestApplication.test_init",
}
"""By name, so that tests which are not found are missed; there are more."""


@pytest.fixture(scope="module")
def bench(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of python-telegram-bot with a conftest of ours above theirs."""
    return upstream.laid_out(
        upstream.source_of("python-telegram-bot", pytestconfig),
        tmp_path_factory.mktemp("telegram"),
        {"conftest.py": Path(telegram_upstream.__file__).read_text()},
        ini=INI,
    )


def test_our_persistence_passes_the_tests_of_python_telegram_bot(bench: Path) -> None:
    left_out = [f"--deselect={name}" for name in LEFT_OUT]

    report = upstream.run(bench, *FILES, *left_out, variables=WITHOUT_OPTIONAL)

    assert report.failed == {}, report.output
    assert {f"tests.ext.{name}" for name in EXPECTED} - report.passed == set()


def test_what_is_left_out_is_still_there(bench: Path) -> None:
    names = {name.partition("[")[0].rpartition("::")[2] for name in LEFT_OUT}
    sources = "".join((bench / file).read_text() for file in FILES[:3])

    assert {name for name in names if f"def {name}(" not in sources} == set()
