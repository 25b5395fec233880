"""The head of a request over HTTP/2: what is one, and what means two things."""

import pytest

from towpath.apiserver.http.wire.http2_request import Header, Malformed, request_of

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/x"), (b":authority", b"a")]


def test_a_request_is_taken_apart() -> None:
    sent = [*GET, (b"cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2"), (b"host", b"a")]
    method, target, headers = request_of(sent)
    assert (method, target) == (b"GET", b"/x")
    assert headers == [(b"accept", b"*/*"), (b"host", b"a"), (b"cookie", b"a=1; b=2")]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([], id="nothing"),
        pytest.param(GET[1:], id="no method"),
        pytest.param([GET[0], *GET[2:]], id="no scheme"),
        pytest.param([*GET[:2], GET[3]], id="no path"),
        pytest.param(GET[:3], id="no host"),
        pytest.param([*GET, GET[0]], id="a method twice"),
        pytest.param([*GET[:2], (b":path", b""), GET[3]], id="an empty path"),
        pytest.param([*GET[:3], (b"accept", b"*/*"), GET[3]], id="a late pseudo-header"),
        pytest.param([*GET, (b":protocol", b"websocket")], id="another pseudo-header"),
        pytest.param([*GET, (b":status", b"200")], id="one of answers"),
        pytest.param([*GET, (b"host", b"b")], id="another host"),
        pytest.param([*GET[:3], (b"host", b"a"), (b"host", b"b")], id="two hosts"),
        pytest.param([*GET, (b"Accept", b"*/*")], id="a capital letter"),
        pytest.param([*GET, (b"", b"x")], id="no name"),
        pytest.param([*GET, (b"a b", b"x")], id="a blank in a name"),
        pytest.param([*GET, (b"a:b", b"x")], id="a colon in a name"),
        pytest.param([*GET, (b"a\r\nb", b"x")], id="a line break in a name"),
        pytest.param([*GET, (b"a\xff", b"x")], id="another letter in a name"),
        pytest.param([*GET, (b"a", b"x\r\ny")], id="a line break in a value"),
        pytest.param([*GET, (b"a", b"x\0")], id="a zero in a value"),
        pytest.param([*GET, (b"a", b" x")], id="a blank before a value"),
        pytest.param([*GET, (b"a", b"x\t")], id="a blank after a value"),
        pytest.param([(b":path", b"/\r\nx"), *GET[:2], GET[3]], id="a line break in a path"),
        pytest.param([*GET, (b"connection", b"close")], id="a header of a connection"),
        pytest.param([*GET, (b"transfer-encoding", b"chunked")], id="a coding of transfer"),
        pytest.param([*GET, (b"te", b"gzip")], id="another te"),
    ],
)
def test_what_is_no_request_is_refused(sent: list[Header]) -> None:
    with pytest.raises(Malformed):
        request_of(sent)
