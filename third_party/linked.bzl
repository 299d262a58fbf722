"""How Debian's libraries are linked."""

def linked(libraries, only_static = []):
    """The link line of libraries that Debian has as archives too.

    With `--define=linked=static`, which tools/package gives for the programs of every host, those are used.

    Args:
      libraries: names, without "lib".
      only_static: what a shared library would bring with it.
    """
    return select({
        "//third_party:static": ["-l:lib%s.a" % name for name in libraries + only_static],
        "//conditions:default": ["-l" + name for name in libraries],
    })
