from __future__ import annotations

import threading

from scones_local.chaos.uploadbook import Sent, UploadBook


def sent(key: str = "incoming/a", version: str = "v1") -> Sent:
    return Sent("phase", "plain", key, version, 1.0)


def book_with(*uploads: Sent) -> UploadBook:
    book = UploadBook()
    for upload in uploads:
        book.add(upload)
    return book


def test_a_message_that_is_delivered_twice_is_one_outcome() -> None:
    upload = sent()
    book = book_with(upload)
    for _ in range(2):
        book.receive("accepted", "m1", "incoming/a", "v1")
    assert (upload.outcome, upload.doubled, upload.is_lost) == ("accepted", 0, False)


def test_two_messages_about_one_version_are_doubled_and_about_two_versions_are_not() -> None:
    first, second = sent(version="v1"), sent(version="v2")
    book = book_with(first, second)
    for message_id, version in (("m1", "v1"), ("m2", "v2"), ("m3", "v2")):
        book.receive("accepted", message_id, "incoming/a", version)
    assert (first.doubled, second.doubled) == (0, 1)
    assert (first.doubled_orders, second.doubled_orders) == (0, 1)


def test_a_message_that_comes_before_its_upload_is_entered_counts() -> None:
    book, upload = UploadBook(), sent()
    book.receive("review", "m1", "incoming/a", "v1")
    book.fail("incoming/a", "v1")
    book.leave_unsettled("incoming/a", "v1")
    assert book.strangers == 1
    book.add(upload)
    assert (book.strangers, upload.outcome) == (0, "review")
    assert (upload.failed, upload.unsettled) == (True, True)


def test_a_redriven_letter_makes_room_for_what_came_of_it() -> None:
    upload = sent()
    book = book_with(upload)
    book.receive("dead_letter", "m1", "incoming/a", "v1")
    book.withdraw_letters([upload])
    assert (upload.outcome, upload.is_lost) == ("lost", True)
    book.receive("accepted", "m2", "incoming/a", "v1")
    assert (upload.outcome, upload.redriven, upload.doubled) == ("accepted", {"m1"}, 0)


def test_a_letter_that_is_seen_again_was_not_redriven() -> None:
    upload = sent()
    book = book_with(upload)
    for _ in range(2):
        book.receive("dead_letter", "m1", "incoming/a", "v1")
        book.withdraw_letters([upload])
    book.receive("dead_letter", "m1", "incoming/a", "v1")
    assert (upload.outcome, upload.redriven) == ("dead_letter", set())


def test_a_letter_beside_an_outcome_stays_doubled_after_its_redrive() -> None:
    upload = sent()
    book = book_with(upload)
    book.receive("accepted", "m1", "incoming/a", "v1")
    book.receive("dead_letter", "m2", "incoming/a", "v1")
    book.withdraw_letters([upload])
    assert (upload.doubled, upload.doubled_orders) == (1, 0)


def test_waiting_ends_when_what_is_awaited_comes_and_when_nothing_does() -> None:
    upload = sent()
    book = book_with(upload)
    assert not book.wait(lambda: upload.is_told, 0.01)
    receiving = threading.Thread(target=book.receive, args=("review", "m1", "incoming/a", "v1"))
    receiving.start()
    assert book.wait(lambda: upload.is_told, 20)
    receiving.join()
