"""Every guarantee of the documentation has tests, and these exist.

A test that is renamed is renamed here; its module does not matter.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"

#: What a rebuild must keep.
KEPT = {
    "a directory that changed within its listed minute is read again": [
        "test_a_page_made_within_two_minutes_of_the_date_is_racy",
        "test_an_added_file_makes_its_directory_due_and_then_racy",
    ],
    "lost artifacts are believed on the second listing": [
        "test_a_lost_artifact_is_accepted_when_a_later_listing_confirms_it",
        "test_a_listing_that_lost_more_is_not_accepted_yet",
    ],
    "a root listing that lost many directories changes nothing": [
        "test_a_root_that_lost_many_directories_changes_nothing_unless_accepted",
        "test_a_root_may_lose_a_tenth_of_its_directories",
        "test_a_root_that_gives_no_whole_listing_changes_nothing",
    ],
    "redirects are followed on the same origin only": [
        "test_redirects_to_another_origin_are_not_allowed",
        "test_a_redirect_to_another_origin_sends_it_no_request",
    ],
    "credentials are in no error": [
        "test_credentials_of_url_or_netrc_are_sent_and_in_no_error",
        "test_an_invalid_base_url_is_refused_without_showing_its_password",
        "test_a_url_is_local_or_of_fsspec_and_shown_without_credentials",
        "test_a_refused_connection_is_an_error_without_path_credentials_and_query",
    ],
    "tables are written atomically": [
        "test_a_file_is_the_old_or_the_new_one_at_every_line",
        "test_a_file_is_synced_whole_before_it_gets_its_name",
    ],
    "downloads are resumed with If-Range": [
        "test_a_failing_connection_is_resumed",
        "test_a_file_that_changes_between_attempts_starts_over",
        "test_a_response_that_does_not_continue_the_bytes_starts_over",
        "test_of_a_partial_file_with_all_bytes_the_last_is_requested_again",
    ],
    "a digest is trusted on first use": ["test_recorded_digests_are_not_requested_again"],
    "a recorded digest is never silently replaced": [
        "test_a_changed_digest_never_replaces_the_first_one",
        "test_a_later_bundle_has_to_agree_with_the_recorded_bill_of_materials",
        "test_a_digest_outlives_its_bundle_and_its_file",
        "test_a_digest_outlives_a_bundle_that_is_missing_unreadable_or_rejected",
        "test_a_confirmed_digest_replaces_the_recorded_one",
        "test_the_digest_of_a_replaced_file_is_unconfirmed_until_a_person_confirms_it",
    ],
    "a kill neither loses nor repeats a change of the site": [
        "test_a_refresh_killed_before_any_of_its_writes_loses_and_repeats_no_change",
        "test_changes_are_not_recorded_again_after_those_of_other_directories",
        "test_changes_stay_due_when_a_kill_comes_before_they_are_recorded",
        "test_files_of_a_removed_directory_vanish_although_a_kill_came_before",
        "test_many_files_are_merged_and_a_kill_at_any_step_loses_nothing",
    ],
    "one download at a time fetches a file": [
        "test_eight_processes_after_one_file_fetch_it_once",
        "test_the_lock_of_a_killed_process_is_free",
        "test_a_lock_taken_while_another_is_released_keeps_its_file",
    ],
    "a resumed file that does not verify is fetched once more": [
        "test_a_resumed_file_that_does_not_verify_is_fetched_once_more",
        "test_a_file_that_never_verifies_is_fetched_again_only_once",
    ],
    "one process at a time writes a catalog": [
        "test_the_error_of_a_second_process_names_the_holder",
        "test_only_the_thread_that_holds_the_lock_may_take_it_again",
        "test_a_second_refresh_names_the_process_that_holds_the_lock",
    ],
    "a complete release is reported at least once": [
        "test_a_release_uploaded_in_steps_is_reported_once_it_is_complete",
        "test_releases_are_reported_in_order_until_the_receiver_accepts_them",
    ],
    "a failed run is reported at least once": [
        "test_each_failed_run_is_reported_one_per_tick_until_the_receiver_accepts_it",
    ],
    "unrecognised files are rows like others": [
        "test_the_catalog_is_sorted_by_version_then_path_and_keeps_unrecognised_files",
        "test_unrecognised_files_are_listed_by_their_type_alone",
    ],
}

#: The promises of docs/how-it-works.md.
PROMISES = {
    "what a call returns is complete and correct": [
        "test_another_size_or_a_page_is_refused_at_once",
        "test_a_damaged_archive_without_a_digest_is_refused",
        "test_a_wrong_digest_names_both_digests_and_their_sources",
        "test_a_failing_connection_is_resumed",
        "test_a_store_that_has_fewer_bytes_than_were_uploaded_is_an_error",
    ],
    "a file or table under its final name is complete": [
        "test_a_killed_writer_leaves_a_whole_file_and_its_rest_is_swept",
        "test_at_every_line_the_final_name_is_the_old_or_new_file",
        "test_a_file_is_synced_before_its_name_and_its_folders_after",
    ],
    "requests go to the configured site only": [
        "test_a_redirect_to_another_origin_sends_it_no_request",
        "test_no_redirect_is_followed",
        "test_a_directory_outside_the_site_is_never_requested",
    ],
    "nothing is written outside the destination": [
        "test_a_name_that_is_unsafe_on_any_system_is_refused",
        "test_an_invalid_path_reaches_neither_the_site_nor_the_disk",
        "test_an_invalid_name_is_no_file_outside_the_destination",
        "test_a_link_is_replaced_and_never_written_through",
    ],
    "the same site gives the same catalog": [
        "test_the_same_site_gives_the_same_rows_whatever_came_first",
        "test_changes_are_in_the_listings_order_whichever_directory_came_first",
        "test_a_removed_file_is_recorded_with_its_time_and_returns_as_added",
    ],
    "a query waits for the network only if the catalog is missing or old": [
        "test_neither_import_nor_query_loads_dagster_or_requests",
        "test_it_takes_one_request_if_nothing_is_new_and_none_the_next_time",
        "test_a_failing_site_gives_the_old_answer_and_a_warning_with_the_age",
        "test_the_first_query_fills_the_catalog_and_says_so",
        "test_without_a_catalog_the_error_names_the_command",
    ],
}

#: When killed runs are noticed, in docs/how-it-works.md.
KILLED = {
    "a launched run": ["test_a_launched_run_whose_process_is_killed_fails_within_seconds"],
    "pyorg refresh": [
        "test_the_next_refresh_does_what_a_killed_one_left_and_fails_its_run",
        "test_the_run_of_a_killed_refresh_fails_when_a_launched_step_takes_the_lock",
    ],
    "pyorg ui with all its processes": ["test_pyorg_ui_fails_the_runs_that_were_killed_with_it"],
}

#: The rows of docs/downloads.md, what happens when something fails.
FAULTS = {
    "connection refused": ["test_a_lasting_failure_is_reported_and_leaves_the_older_copy"],
    "reset after n bytes": [
        "test_a_failing_connection_is_resumed",
        "test_attempts_are_counted_from_the_last_new_byte",
    ],
    "silence": [
        "test_a_failing_connection_is_resumed",
        "test_a_lasting_failure_is_reported_and_leaves_the_older_copy",
    ],
    "403": ["test_an_error_status_leaves_the_older_copy"],
    "404": ["test_an_error_status_leaves_the_older_copy"],
    "429 with Retry-After": [
        "test_after_429_the_whole_client_pauses",
        "test_an_error_status_leaves_the_older_copy",
    ],
    "503, then 200": ["test_transient_statuses_are_retried_and_others_are_not"],
    "503 that persists": ["test_an_error_status_leaves_the_older_copy"],
    "no Content-Length": [
        "test_a_file_without_a_length_arrives",
        "test_a_failing_connection_is_resumed",
    ],
    "a wrong Content-Length": [
        "test_another_size_or_a_page_is_refused_at_once",
        "test_cuts_without_progress_fail_and_the_bytes_are_kept",
    ],
    "an HTML error page with 200": [
        "test_another_size_or_a_page_is_refused_at_once",
        "test_an_error_after_some_bytes_keeps_them",
    ],
    "a server without Range": [
        "test_a_response_that_does_not_continue_the_bytes_starts_over",
        "test_cuts_without_progress_fail_and_the_bytes_are_kept",
    ],
    "a file that changes between two tries": [
        "test_a_file_that_changes_between_attempts_starts_over",
        "test_a_resumed_file_that_does_not_verify_is_fetched_once_more",
    ],
    "a wrong digest": [
        "test_digests_that_differ_are_refused_before_the_file_is_requested",
        "test_a_wrong_digest_names_both_digests_and_their_sources",
    ],
    "a wrong signature": [
        "test_a_wrong_signature_is_refused_before_the_file_is_requested",
        "test_signature_takes_a_real_bundle_and_only_the_signed_bytes",
    ],
    "a destination that is full": [
        "test_a_full_file_system_is_reported_and_the_next_call_resumes",
        "test_a_file_size_limit_is_reported_and_the_next_call_resumes",
    ],
    "a destination that is read-only": [
        "test_a_read_only_file_system_is_reported_without_a_request",
        "test_a_folder_without_write_permission_is_reported_without_a_request",
    ],
    "a destination that is a directory": [
        "test_anything_in_the_way_of_a_file_costs_no_request",
        "test_a_directory_that_appears_meanwhile_costs_no_bytes",
    ],
    "a destination that is a dangling link": [
        "test_anything_in_the_way_of_a_file_costs_no_request",
        "test_a_link_is_replaced_and_never_written_through",
    ],
    "kill -9 at any moment": [
        "test_killed_at_any_line_the_next_call_succeeds",
        "test_killed_at_any_byte_the_next_call_resumes",
    ],
    "8 processes that download one file": ["test_eight_processes_after_one_file_fetch_it_once"],
}

#: The rules of docs/releases.md.
RULES = {
    "missing families": ["test_a_half_uploaded_release_is_never_the_latest_complete_one"],
    "the release before": ["test_a_young_release_lacks_what_the_two_before_it_had"],
    "two, not one": [
        "test_two_unfinished_releases_in_a_row_lower_what_is_expected_and_one_does_not",
    ],
    "age": ["test_the_release_date_is_that_of_the_first_source_tarball"],
    "waiting time": ["test_a_release_is_partial_as_long_as_those_before_took"],
    "partial": ["test_a_partial_release_becomes_complete_and_supersedes"],
    "superseded": ["test_a_complete_release_supersedes_those_before_it_in_its_series"],
    "complete": ["test_no_release_is_partial_for_ever"],
    "the install manager": ["test_a_young_release_lacks_what_the_two_before_it_had"],
    "security releases": ["test_security_releases_are_complete_without_installers"],
    "missing dates": ["test_a_release_without_a_plausible_date_is_complete"],
    "time of the query": ["test_states_change_with_time_for_a_program_that_keeps_its_snapshot"],
}


@pytest.fixture(scope="module")
def known() -> set[str]:
    return {
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(
    ("guarantee", "tests"),
    [item for table in (KEPT, PROMISES, KILLED, FAULTS, RULES) for item in table.items()],
)
def test_a_guarantee_has_tests(guarantee: str, tests: list[str], known: set[str]) -> None:
    assert tests, guarantee
    assert [name for name in tests if name not in known] == []


@pytest.mark.parametrize(
    ("page", "column", "guarantees"), [("downloads", "fault", FAULTS), ("releases", "rule", RULES)]
)
def test_a_page_has_a_row_for_each_guarantee(
    page: str, column: str, guarantees: dict[str, list[str]]
) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| {column} \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None
    rows = [row.strip("| ").split(" | ") for row in found[1].splitlines()]
    assert [row[0] for row in rows] == list(guarantees)
    assert all(all(row) for row in rows)


def test_no_page_for_users_names_a_test() -> None:
    for page in [TESTS.parent / "README.md", *DOCS.glob("*.md")]:
        assert not re.findall(r"\btest_\w+", page.read_text(encoding="utf-8")), page
