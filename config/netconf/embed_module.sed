# Makes a C string of the module that the NETCONF process adds.
s/\\/\\\\/g
s/"/\\"/g
s/.*/"&\\n"/
1i extern const char spanflow_netconf_module[];\nconst char spanflow_netconf_module[] =
$a ;
