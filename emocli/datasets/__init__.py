"""Published file formats to records: one file per dataset."""
