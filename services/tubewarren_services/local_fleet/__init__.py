"""All services on one machine, as processes of their own, with a broker if there is none: what `svc up` runs."""
