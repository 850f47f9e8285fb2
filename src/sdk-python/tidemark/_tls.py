"""What a connection trusts, and the certificate it shows."""

from __future__ import annotations

import ssl

from ._options import Options


def tls_context(options: Options) -> ssl.SSLContext:
    """Read anew for each connection, so that a file that was renewed counts. Throws OSError where one is no good."""
    context = ssl.create_default_context(cafile=options.tls_ca_file)
    if options.tls_cert_file is not None:
        # A key with a password is refused: the default would ask the terminal for it.
        context.load_cert_chain(options.tls_cert_file, options.tls_key_file, password=lambda: "")
    return context
