"""The only code that knows yt-dlp: which addresses may be worked on, listing, fetching, and what a failure means.

Nothing is imported here, so that a caller pays only for what it uses: `addresses`, `failures` and `pool` are light,
and yt-dlp itself is loaded by the child processes alone.
"""
