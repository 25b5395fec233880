"""Who listens on a port that somebody wants: this platform, another one, or another program."""

ANSWER_DEADLINE_S = 1.0
ANSWER_BYTES = 65536


def is_towpath(port: int) -> bool:
    """Whether the portal of a platform answers there, by the page that everybody may see."""
    import http.client  # hardly any start has to ask

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_DEADLINE_S)
    try:
        connection.request("GET", "/sign-in", headers={"Host": f"localhost:{port}"})
        return b"Towpath</title>" in connection.getresponse().read(ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def occupant(port: int) -> str:
    """Who it is, and how to find it, as the end of a sentence."""
    if is_towpath(port):
        return (
            f"another Towpath, whose portal is http://localhost:{port} (Ctrl-C in its terminal "
            f"stops it; `ss -ltnp sport = :{port}` names its process)"
        )
    return f"another program (`ss -ltnp sport = :{port}` names it)"
