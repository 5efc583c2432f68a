"""What a fleet may say: frozen, strict models, one file per kind. Nothing else of the project is imported or read here."""
