"""RFC 9111 case by case, black box: our edge right in all of them, NGINX beside it."""

from __future__ import annotations

import pytest

from minisys.caching import edge_conformance, edge_real
from minisys.caching.edge_conformance import cases, results, table

pytestmark = pytest.mark.live
NGINX_WRONG = {  # differences that a chapter or its table speaks of; that NGINX ignores Age is the largest
    "age-past-max-age", "request-no-store", "post-invalidates", "cdn-cache-control", "swr-must-revalidate", "reload",
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    names = ["minisys"] + (["nginx"] if "not installed" not in edge_real.available()["nginx"] else [])
    return results(names)


def test_there_are_at_least_sixty_cases_each_with_a_section_and_its_own_words():
    assert len(cases()) >= 60
    assert len({case["id"] for case in cases()}) == len(cases()) == len({case["says"] + case["id"] for case in cases()})
    assert {case["rule"] for case in cases()} == {"must", "may"}
    assert all(str(case["section"]) and len(case["steps"]) >= 1 for case in cases())


def test_our_edge_is_right_in_every_case(found):
    wrong = [f"{verdict.case}: {verdict.why}" for verdict in found["minisys"] if not verdict.right]
    assert wrong == [] and len(found["minisys"]) == len(cases())


def test_nginx_answers_differently_where_we_say_so(found):
    if "nginx" not in found:
        pytest.skip(edge_real.available()["nginx"])
    wrong = {verdict.case for verdict in found["nginx"] if not verdict.right}
    assert NGINX_WRONG <= wrong
    right = {verdict.case for verdict in found["nginx"] if verdict.right}
    assert {"max-age", "no-store", "private", "vary-other", "expires-past", "set-cookie"} <= right


def test_the_harness_finds_fault_with_a_proxy_that_keeps_nothing():
    wrong = {verdict.case for verdict in results(["nothing kept"])["nothing kept"] if not verdict.right}
    assert {"max-age", "vary-same", "range", "get-then-head", "sie-down"} <= wrong and "no-store" not in wrong


def test_the_table_has_a_row_for_each_case(found):
    rows = table(found)
    assert len(rows) == len(cases()) and {"section", "rule", "case", "says", "minisys"} <= set(rows[0])


def test_an_unknown_case_is_named():
    with pytest.raises(ValueError, match="there is no case 'nonsense'"):
        results(["minisys"], "nonsense")


def test_the_command_prints_the_table(capsys, monkeypatch, found):
    monkeypatch.setattr("sys.argv", ["edge_conformance", "--wrong"])
    monkeypatch.setattr(edge_conformance, "results", lambda names: found)
    edge_conformance.main()
    assert f"minisys: {len(cases())} of {len(cases())} right" in capsys.readouterr().out
