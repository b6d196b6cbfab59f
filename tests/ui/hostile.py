"""Names that an unkind source could send; all of them pass the model."""

MARKUP = "<img src=x onerror=\"window.fired = 'name'\">"
FORMULA = '=HYPERLINK("http://127.0.0.1:9/x")'
RTL = "\u202eevil \u05e9\u05dc\u05d5\u05dd\u202c"
