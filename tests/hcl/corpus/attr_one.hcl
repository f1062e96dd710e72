name="crm"
