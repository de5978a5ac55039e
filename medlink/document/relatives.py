"""What relatives are called, of whom notes tell besides the patient."""

#: Husband and wife are of the family, too.
RELATIVES = frozenset(
    "mother father mom dad mum mommy daddy parent parents brother brothers sister sisters sib sibs sibling "
    "siblings twin mgm mgf pgm pgf grandmother grandfather grandparents grandparent grandma grandpa aunt aunts uncle "
    "uncles cousin cousins son sons daughter daughters niece nephew nieces nephews grandson granddaughter "
    "grandchild relative relatives wife husband spouse stepmother stepfather stepson".split()
)
