"""downloader: turns one video into files."""
