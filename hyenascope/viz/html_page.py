"""The frame of every page: a policy that forbids the browser every connection.

A private genome stays on the reader's machine.
"""

import html

from hyenascope.data.visible_text import visible_text

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'{scripts}; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
{head}
</head>
<body>
{body}
</body>
</html>
"""


def html_page(
    title: str, body: str, *, style: str, head: str = "", scripts: str = ""
) -> str:
    """Return a whole page.

    Parameters
    ----------
    title
        Plain text; escaped here.
    body, style, head
        HTML and CSS, which the caller has made safe.
    scripts
        Where scripts may come from besides the page itself, as the policy spells it.

    Examples
    --------
    >>> "&lt;b&gt;" in html_page("<b>", "<p>hello</p>", style="")
    True
    """
    return _PAGE.format(
        policy=_POLICY.format(scripts=f" {scripts}" if scripts else ""),
        title=html.escape(visible_text(title)),
        style=style,
        head=head,
        body=body,
    )
