NAME all
OBJSENSE
 MAX
ROWS
 N o
 G r
 E e
 L l
COLUMNS
 M1 'MARKER' 'INTORG'
 a o 1 r 1
 b r 1 e 2.5
 M2 'MARKER' 'INTEND'
 c r 1 l -1
 d r 1
RHS
 RHS r 2 o -3
RANGES
 R r 2 e -1
BOUNDS
 FR s a
 FX s b 3
 SC s c 6
 LO s c 2
 UP s d -1
QMATRIX
 a a 2
 a b -1
 b a -1
QCMATRIX l
 c c 1
ENDATA
