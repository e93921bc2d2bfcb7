def add_page(app, service):
    pass
