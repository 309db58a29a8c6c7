"""One model behind one endpoint: what it is asked, how its reply is read, at what pace and price."""
