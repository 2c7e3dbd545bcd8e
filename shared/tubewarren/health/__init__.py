"""How a service is: a small HTTP answer for whoever watches over processes, and the way to ask for it."""
