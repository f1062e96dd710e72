name = "crm"
