from lamplighter.definitions.flow import Flow


def test_nothing_has_come_in_and_all_may_go_out() -> None:
    assert Flow().objection(acts=True, fixed=False) == ""
    assert Flow().objection(acts=False, fixed=False) == ""


def test_after_strangers_words_nothing_is_done_that_is_not_fixed() -> None:
    flow = Flow()
    flow.take(["untrusted"], "example.org")
    assert "example.org" in flow.objection(acts=True, fixed=False)
    assert flow.objection(acts=True, fixed=True) == ""


def test_questions_are_asked_until_what_is_private_has_come_in_too() -> None:
    flow = Flow()
    flow.take(["untrusted"], "example.org")
    assert flow.objection(acts=False, fixed=False) == ""
    flow.take(["private"], "notes:a.md")
    assert "notes:a.md" in flow.objection(acts=False, fixed=False)
    assert flow.objection(acts=False, fixed=True) == ""


def test_what_is_private_alone_is_nobodys_to_steal() -> None:
    flow = Flow()
    flow.take(["private"], "notes:a.md")
    assert flow.objection(acts=True, fixed=False) == ""


def test_who_has_told_something_may_be_told_it_but_do_nothing_by_it() -> None:
    flow = Flow()
    flow.take(["private", "untrusted"], "mcp tracker")
    assert flow.objection(acts=False, fixed=False, origin="mcp tracker") == ""
    assert flow.objection(acts=False, fixed=False, origin="mcp other") != ""
    assert flow.objection(acts=True, fixed=False, origin="mcp tracker") != ""


def test_a_label_comes_in_once() -> None:
    flow = Flow()
    assert flow.take(["untrusted", "private"], "a") == ["private", "untrusted"]
    assert flow.take(["untrusted"], "b") == []
    assert flow.labels == {"private", "untrusted"}
