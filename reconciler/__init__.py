"""odoo-fleet: makes fleets of Odoo databases match the YAML that declares them."""
