# Makes of each YANG file (sed -s) a row of the table config_modules: its name and its text.
s/\\/\\\\/g
s/"/\\"/g
1{
h
s/^\(sub\)\{0,1\}module \([a-z-]*\) {.*/{"\2",/p
g
}
s/.*/"&\\n"/
$s/$/},/
