"""The Google kind of the workbook: a spreadsheet that people edit in the browser while the fleet writes into it."""
