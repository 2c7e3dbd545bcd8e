"""What every service of Tubewarren shares: messages, topology, the bus, the sheet, YouTube and the store."""
