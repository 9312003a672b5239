"""Start the paper terminal: `python -m backend.paper_terminal --home DIR --port 18812`."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from backend.paper_terminal.assembly import assemble
from backend.paper_terminal.control import ControlServer
from backend.paper_terminal.options import read_options, settings_of
from backend.paper_terminal.service import TerminalServer

_TIMER_S = 0.2
log = logging.getLogger("paper_terminal")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 2 if the settings or the folder do not allow it."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    given = read_options(sys.argv[1:] if argv is None else argv, __doc__ or "")
    if given.host not in _LOOPBACK:
        log.warning("port.open_to_others host=%s: the protocol has no password", given.host)
    try:
        terminal, faults, close = assemble(settings_of(given))
        server = TerminalServer(terminal, faults, given.host, given.port)
        control = ControlServer(given.home, faults, terminal)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"paper terminal: {error}\n")
        return 2
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    port = server.listen()
    threading.Thread(target=server.start, name="accept", daemon=True).start()
    control.start()
    (given.home / "port").write_text(f"{port}\n")
    sys.stdout.write(json.dumps({"ready": True, "port": port, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    while not stopping.wait(_TIMER_S):
        terminal.tick()
    control.close()
    server.close()
    terminal.close(close)
    return 0


if __name__ == "__main__":
    sys.exit(main())
