"""The only code that talks to Odoo. `observe` reads, `apply` writes; neither imports the other."""
