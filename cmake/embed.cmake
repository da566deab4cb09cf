# cmake -DINPUT=file -DOUTPUT=header -DNAME=ARRAY -P embed.cmake: the text of a file as a C string.
file(READ ${INPUT} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "/* ${name} */\nstatic const char ${NAME}[] =\n    \"${text}\";\n")
