name = "crm"
owner = "sales"
purpose = "leads"
