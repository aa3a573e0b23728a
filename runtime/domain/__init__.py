"""Pure rules: structs, enums, transition tables, schedule arithmetic, Spanish, errors. No I/O, SQL or clock."""
