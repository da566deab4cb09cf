/* CSV files: what is read from good ones, and what is said of bad ones. Every case is read from a plain file and a packed one. */
#include "text_samples.h"

#include "peak_samples.h"

#define GOOD WEFT_OK, 0, NULL, 0
#define BAD WEFT_EDATA, 0, NULL, 0
#define REFUSED WEFT_ESETTINGS, 0, NULL, 0

#define CHECK(cases) cases_check(csv_read, cases, COUNT(cases))

/* ---- The text ---- */

static void cells_and_lines(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1,2,a\n3,4,b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1,2,a\n3,4,b", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1,2,a\r\n3,4,b\r\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1,2,a\r\n3,4,b\r", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1,2,a\r3,4,b\r", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"\xef\xbb\xbf" "1,2,a\n3,4,b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"\xef\xbb\xbf\"x\",y\n1,2\n", "label=x", TARGET_CLASS, "2 > 0 [1]", GOOD},
        {"\n\r\n  \n1,2,a\n\n \t \r\n3,4,b\n\n\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {" 1 ,\t2, a \n3 , 4,b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"\"1\",\"2\",\"a\"\n\"3\" , \"4\",\"b\"\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1,2,\"a,b\"\n3,4,\"c\"\"d\"\n5,6,\"\"\"\"\n", NULL, TARGET_CLASS, "1 2 > 1; 3 4 > 2; 5 6 > 0 [\",a,b,c\"d]", GOOD},
        {"1,2,\" a \"\n3,4,a\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 0 [a]", GOOD},
        {"1,2,5\" disk\n3,4,b\"\"c\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [5\" disk,b\"\"c]", GOOD},
        {"1,\"one\ntwo\r\n\"\"three\"\"\rfour\",a\n3,\"\",b\n", "drop=1", TARGET_CLASS, "1 > 0; 3 > 1 [a,b]", GOOD},
        {"1,\"a,b\nc\",\"x\"\n", "drop=1", TARGET_CLASS, "1 > 0 [x]", GOOD},
        {"\"a\nb\",c\n1,2\n", "label=c", TARGET_CLASS, "1 > 0 [2]", GOOD},
        {"x,caf\xc3\xa9\n", NULL, TARGET_CLASS, "found a header in line 1 and no row behind it", BAD},
        {"1,caf\xc3\xa9\n2,\xe6\xb0\xb4\n", NULL, TARGET_CLASS, "1 > 0; 2 > 1 [caf\xc3\xa9,\xe6\xb0\xb4]", GOOD},
    };
    CHECK(cases);
}

static void separators(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1;2;a\n3;4;b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1\t2\ta\n3\t\tb\n", NULL, TARGET_CLASS, "1 2 > 0; 3 nan > 1 [a,b]", GOOD},
        {"1|2|a b\n3|4|b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a b,b]", GOOD},
        {"1 2 a\n3 4 b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"  1   2 a  \n3 \t 4 b\t\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1 2 \"a b\"\n3 4 \"\"\"b\"\n", "sep=space", TARGET_CLASS, "1 2 > 1; 3 4 > 0 [\"b,a b]", GOOD},
        {"1, 2, a\n3, 4, b\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [a,b]", GOOD},
        {"1;2;a,b\n", NULL, TARGET_CLASS, "1 2 > 0 [a,b]", GOOD},
        {"1;\"a,b,c,d\"\n", NULL, TARGET_CLASS, "1 > 0 [a,b,c,d]", GOOD},
        {"\"a,b,c\";1;2\n", "label=0", TARGET_CLASS, "1 2 > 0 [a,b,c]", GOOD},
        {"1;a,b\n", NULL, TARGET_CLASS, "1 > 0 [a,b]", GOOD},             /* as many of each: ';' */
        {"1,a;b\n", "sep=comma", TARGET_CLASS, "1 > 0 [a;b]", GOOD},
        {"1,2|a\n", "sep=pipe&header=no", TARGET_CLASS,
         "read %s:1:1: found \"1,2\", wanted a number (with a decimal point, no commas)", BAD},
        {"1,5;2;a\n", "sep=semicolon&header=no", TARGET_CLASS, "(with a decimal point, no commas)", BAD},
        {"1\t2,a\n", "sep=tab", TARGET_CLASS, "1 > 0 [2,a]", GOOD},
        {"1,2\n", "sep=dot", TARGET_CLASS, "option sep is \"dot\", wanted auto, comma, semicolon, tab, space or pipe", REFUSED},
        {"1 , 2,a\n", "sep=space&header=no", TARGET_CLASS, "found \",\", wanted a number", BAD},
    };
    CHECK(cases);
}

static void headers(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"x,y,label\n1,2,a\n", NULL, TARGET_CLASS, "1 2 > 0 [a]", GOOD},
        {"x,y,label\n1,2,7\n", NULL, TARGET_CLASS, "1 2 > 0 [7]", GOOD},
        {",x,label\n1,2,7\n", NULL, TARGET_CLASS, "1 2 > 0 [7]", GOOD},
        {"0,1,label\n1,2,7\n3,4,8\n", NULL, TARGET_CLASS, "1 2 > 0; 3 4 > 1 [7,8]", GOOD},     /* told by the second row */
        {"0,1,label\n1,2,\n", NULL, TARGET_CLASS, "%s:2:3", BAD},
        {"0,1,a\n1,2,b\n", NULL, TARGET_CLASS, "0 1 > 0; 1 2 > 1 [a,b]", GOOD},
        {"0,1,label\n1,2,b\n", "header=yes", TARGET_CLASS, "1 2 > 0 [b]", GOOD},
        {"1,2,3\n4,5,6\n", "header=yes", TARGET_CLASS, "4 5 > 0 [6]", GOOD},
        {"1,2,3\n4,5,6\n", "header=no", TARGET_CLASS, "1 2 > 0; 4 5 > 1 [3,6]", GOOD},
        {"nan,?,3\n4,5,6\n", NULL, TARGET_CLASS, "nan nan > 0; 4 5 > 1 [3,6]", GOOD},
        {"inf,2,3\n4,5,6\n", NULL, TARGET_CLASS, "%s:1:1: found \"inf\", wanted a finite number", BAD},
        {"x,2,3\n4,5,6\n", "header=no", TARGET_CLASS, "%s:1:1: found \"x\", wanted a number or a missing value", BAD},
        {"x,y\n1,b\n2,c\n", NULL, TARGET_CLASS, "1 > 0; 2 > 1 [b,c]", GOOD},
        {"7,class\n1,b\n2,c\n", "label=class", TARGET_CLASS, "1 > 0; 2 > 1 [b,c]", GOOD},      /* told by the name asked for */
        {"1,2\n", "header=maybe", TARGET_CLASS, "option header is \"maybe\", wanted auto, yes or no", REFUSED},
        {"x,y\n", NULL, TARGET_CLASS, "found a header in line 1 and no row behind it", BAD},
        {"\n\nx,y\n\n", NULL, TARGET_VALUES, "found a header in line 3 and no row behind it", BAD},
        {"1,2\n", "header=yes", TARGET_CLASS, "found a header in line 1 and no row", BAD},
        {"a,b\nx,y\n", NULL, TARGET_CLASS, "%s:2:1 (a): found \"x\", wanted a number or a missing value", BAD},
    };
    CHECK(cases);
}

static void label_columns(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"a,b,c\n1,2,3\n", "label=b", TARGET_CLASS, "1 3 > 0 [2]", GOOD},
        {"a,b,c\n1,2,3\n", "label=0", TARGET_CLASS, "2 3 > 0 [1]", GOOD},
        {"a,b,c\n1,2,3\n", "label=-3", TARGET_CLASS, "2 3 > 0 [1]", GOOD},
        {"a,b,c\n1,2,3\n", "label=-1", TARGET_CLASS, "1 2 > 0 [3]", GOOD},
        {"1,2,3\n", "label=1", TARGET_CLASS, "1 3 > 0 [2]", GOOD},
        {"a,1,0\n1,2,3\n", "label=0", TARGET_CLASS, "1 2 > 0 [3]", GOOD},         /* a name before a number */
        {"a,b c,c\n1,2,3\n", "label=b%20c", TARGET_CLASS, "1 3 > 0 [2]", GOOD},
        {"id,a,b,c\n9,1,2,3\n", "label=c&drop=id", TARGET_CLASS, "1 2 > 0 [3]", GOOD},
        {"id,a,b,c\n9,1,2,3\n", "drop=0,-2", TARGET_CLASS, "1 > 0 [3]", GOOD},
        {"id,a,b,c\nq,1,2,3\n", "drop=id, c", TARGET_CLASS, "1 > 0 [2]", GOOD},   /* the last that is not dropped */
        {"a,b,c\n1,2,3\n", "label=species", TARGET_CLASS,
         "%s:1: label=species: no column has this name; the first row is: a, b, c",
         BAD},
        {"sepal,petal,species\n1,2,3\n", "label=specie", TARGET_CLASS,
         "no column has this name (did you mean \"species\"?); the first row"
         " is: sepal, petal, species", BAD},
        {"a,b,c\n1,2,3\n", "drop=d", TARGET_CLASS, "drop=d: no column has this name", BAD},
        {"a,b,c\n1,2,3\n", "label=-", TARGET_CLASS, "label=-: no column has this name", BAD},
        {"id,a,b,c\n9,1,2,3\n", "drop=id%20,%09c%20%09", TARGET_CLASS, "1 > 0 [2]", GOOD},
        {"1,2,3\n", "label=x&header=no", TARGET_CLASS, "label=x is no number, and with header=no columns have no names", BAD},
        {"a,b,c\n1,2,3\n", "label=3", TARGET_CLASS,
         "label=3: found 3 columns, wanted a column from 0 to 2, or from -3 to -1", BAD},
        {"a,b,c\n1,2,3\n", "label=-4", TARGET_CLASS, "label=-4: found 3 columns", BAD},
        {"a,b,c\n1,2,3\n", "label=99999999999999999999999", TARGET_CLASS, "found 3 columns", BAD},
        {"a,b,c\n1,2,3\n", "label=-0", TARGET_CLASS, "label=-0: found 3 columns", BAD},
        {"a,b,a\n1,2,3\n", "label=a", TARGET_CLASS, "label=a: two columns have this name; wanted the number of one, 0 to 2", BAD},
        {"a,b,c\n1,2,3\n", "label=a,a", TARGET_VALUES, "label names column 0, which is a label already", BAD},
        {"a,b,c\n1,2,3\n", "label=a&drop=0", TARGET_CLASS, "label names column 0, which is left out already", BAD},
        {"a,b,c\n1,2,3\n", "drop=a,-3", TARGET_CLASS, "drop names column 0, which is left out already", BAD},
        {"a,b,c\n1,2,3\n", "label=a,,b", TARGET_VALUES, "a column in option label has no name", REFUSED},
        {"a,b,c\n1,2,3\n", "drop=a, ", TARGET_VALUES, "a column in option drop has no name", REFUSED},
        {"a,b,c\n1,2,3\n", "label=", TARGET_VALUES, "option label is \"\"", REFUSED},
        {"a,b,c\n1,2,3\n", "labels=a", TARGET_VALUES, "unknown option \"labels\"; known: sep, header, label, drop", REFUSED},
        {"a\n1\n", NULL, TARGET_CLASS, "none of the 1 columns is a feature", BAD},
        {"a,b\n1,2\n", "label=a,b", TARGET_VALUES, "none of the 2 columns is a feature", BAD},
        {"a,b\n1,2\n", "drop=a,b", TARGET_CLASS, "none of the 2 columns is a feature", BAD},
        {"a,b,c\n1,2,3\n", NULL, TARGET_CLASS, "1 2 > 0 [3]", WEFT_OK, 2, NULL, 0},
        {"a,b,c\n1,2,3\n", NULL, TARGET_CLASS,
         "found 2 features (3 columns, 1 of them labels or left out), wanted 3", WEFT_EDATA, 3, NULL, 0},
    };
    CHECK(cases);
}

/* ---- Features ---- */

static void numbers_and_missing_values(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"-1.5,+2e3,.5,0x\n", NULL, TARGET_CLASS, "-1.5 2000 0.5 > 0 [0x]", GOOD},
        {",NA,N/A,nan,NaN,null,?,NULL,n/a,<NA>,#N/A,-nan,\"\", ,a\n", "header=no", TARGET_CLASS,
         "nan nan nan nan nan nan nan nan nan nan nan nan nan nan > 0 [a]", GOOD},
        {"3.4028235e38,1e-60,a\n", NULL, TARGET_CLASS, "3.40282347e+38 0 > 0 [a]", GOOD},
        {"1,2,a\n1,1e39,b\n", NULL, TARGET_CLASS, "%s:2:2: found \"1e39\", wanted a finite number, at most 3.4028235e38", BAD},
        {"1,2,a\n1,-inf,b\n", NULL, TARGET_CLASS, "%s:2:2: found \"-inf\", wanted a finite number", BAD},
        {"1,2,a\n1,0x10,b\n", NULL, TARGET_CLASS, "%s:2:2: found \"0x10\", wanted a number or a missing value", BAD},
        {"1,2,a\n1,none,b\n", NULL, TARGET_CLASS, "%s:2:2: found \"none\", wanted a number or a missing value", BAD},
        {"1,2,a\n1,1 2,b\n", NULL, TARGET_CLASS, "found \"1 2\"", BAD},
        {"x,y,z\n1,2,a\n\n1,wrong\ttext,b\n", NULL, TARGET_CLASS, "read %s:4:2 (y): found \"wrong?text\", wanted a number", BAD},
        {"x,\"a\nb\",y,z\n1,2,3,a\n1,\"\n\",q,b\n", "drop=1", TARGET_CLASS,
         "read %s:5:3 (y): found \"q\"", BAD},    /* line of the cell */
        {"x,y\r\n1,a\r\n\r\nq,b\r\n", NULL, TARGET_CLASS, "read %s:4:1 (x): found \"q\"", BAD},
        {"x,y,z\r1,\"\r\n\r\r\n\",a\rq,2,b\r", "drop=y", TARGET_CLASS, "read %s:6:1 (x): found \"q\"", BAD},
        {"x,y\n1,2\n0123456789012345678901234567890123456789012345678901234567890123456789,2\n", "drop=0&label=1", TARGET_NOTHING,
         "none of", BAD},
        {"x,y\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz,2\n", NULL, TARGET_CLASS,
         "found \"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh...\", wanted", BAD},
    };
    CHECK(cases);
}

static void bad_shapes(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1,2,a\n3,b\n", NULL, TARGET_CLASS, "read %s:2: found 2 cells, wanted 3 as in line 1", BAD},
        {"x,y,z\n1,2,a\n\n1,2,3,4\n", NULL, TARGET_CLASS, "read %s:4: found 4 cells, wanted 3 as in line 1", BAD},
        {"x,y\n1,2,a\n", NULL, TARGET_CLASS, "read %s:2: found 3 cells, wanted 2 as in line 1", BAD},
        {"1,2,a\n3,4,b,\n", NULL, TARGET_CLASS, "read %s:2: found 4 cells, wanted 3", BAD},
        {"1 2 a\n3 b\n", NULL, TARGET_CLASS, "read %s:2: found 2 cells, wanted 3", BAD},
        {"\n", NULL, TARGET_CLASS, "read %s: found no row, only empty lines", BAD},
        {" \r\n\r\n", NULL, TARGET_CLASS, "read %s: found no row, only empty lines", BAD},
        {"\xef\xbb\xbf", NULL, TARGET_CLASS, "found no row", BAD},
        {"1,\"2,a\n3,4,b\n", NULL, TARGET_CLASS, "read %s:1:2: the quote that opens this cell is never closed", BAD},
        {"1,2,a\n3,\"4,b\n\n", NULL, TARGET_CLASS, "read %s:2:2: the quote that opens this cell is never closed", BAD},
        {"1,2,a\n3,4,\"", NULL, TARGET_CLASS, "read %s:2:3: the quote that opens this cell is never closed", BAD},
        {"1,2,a\n3,\"4\"5,b\n", NULL, TARGET_CLASS,
         "read %s:2:2: found \"5,b?\" behind a closing quote, wanted a separator or the end of the"
         " line", BAD},
        {"1,\"a\n\"b,c\n", NULL, TARGET_CLASS, "read %s:2:2: found \"b,c?\" behind a closing quote", BAD},
        {"1,2\0,a\n", NULL, TARGET_CLASS, "read %s:1:2: found a byte 0, wanted text", WEFT_EDATA, 0, NULL, 8},
        {"1,2,a\n\0", NULL, TARGET_CLASS, "read %s:2:1: found a byte 0, wanted text", WEFT_EDATA, 0, NULL, 7},
        {"1,\"\n2\0\",a\n", NULL, TARGET_CLASS, "read %s:1:2: found a byte 0, wanted text", WEFT_EDATA, 0, NULL, 11},
        {"1,2,a\n\"\"\0,4,b\n", NULL, TARGET_CLASS, "read %s:2:1: found a byte 0, wanted text", WEFT_EDATA, 0, NULL, 14},
        {"\xff\xfe" "1\0,\0", NULL, TARGET_CLASS,
         "read %s: it begins with ff fe, the mark of UTF-16; wanted text in UTF-8", WEFT_EDATA, 0, NULL, 6},
        {"\xfe\xff\0001\0,", NULL, TARGET_CLASS, "the mark of UTF-16", WEFT_EDATA, 0, NULL, 6},
    };
    CHECK(cases);
}

/* ---- Labels ---- */

static void one_label_column_is_a_class(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1,10\n1,2\n1,1\n1,2\n", NULL, TARGET_CLASS, "1 > 2; 1 > 1; 1 > 0; 1 > 1 [1,2,10]", GOOD},
        {"1,1\n1,-1\n1,+1\n", NULL, TARGET_CLASS, "1 > 1; 1 > 0; 1 > 1 [-1,1]", GOOD},
        {"1,1\n1,1.0\n1,01\n1,1e0\n1,2\n", NULL, TARGET_CLASS, "1 > 0; 1 > 0; 1 > 0; 1 > 0; 1 > 1 [1,2]", GOOD},
        {"1,-0\n1,0\n1,0.5\n", NULL, TARGET_SCORES, "1 > 0; 1 > 0; 1 > 1 [0,0.5]", GOOD},
        {"1,10\n1,2\n1,x\n1,02\n", NULL, TARGET_CLASS,
         "1 > 1; 1 > 2; 1 > 3; 1 > 0 [02,10,2,x]", GOOD},       /* not all are numbers */
        {"1,9007199254740993\n1,9007199254740992\n", NULL, TARGET_CLASS,
         "1 > 1; 1 > 0 [9007199254740992,9007199254740993]", GOOD},
        {"1,True\n1,False\n", NULL, TARGET_CLASS, "1 > 1; 1 > 0 [False,True]", GOOD},
        {"1,Na\n1,none\n", NULL, TARGET_CLASS, "1 > 0; 1 > 1 [Na,none]", GOOD},
        {"1,b\n1,a\n", NULL, TARGET_CLASS, "1 > 1; 1 > 2 [c,b,a]", WEFT_OK, 0, "c,b,a", 0},
        {"1,1.0\n1,02\n", NULL, TARGET_SCORES, "1 > 1; 1 > 0 [2,1]", WEFT_OK, 0, "2,1", 0},
        {"1,01\n1,1\n1,1.0\n", NULL, TARGET_CLASS,
         "1 > 0; 1 > 1; 1 > 1 [01,1,x]", WEFT_OK, 0, "01,1,x", 0},    /* as it is written, first */
        {"1,b\n1,a\n", NULL, TARGET_CLASS, "1 > 1; 1 > 0 [a,b]", WEFT_OK, 0, "", 0},
        {"x,y\n1,b\n1,d\n", NULL, TARGET_CLASS,
         "read %s:3:2 (y): found \"d\", wanted one of the classes c, b, a", WEFT_EDATA, 0, "c,b,a", 0},
        {"1,9\n", NULL, TARGET_CLASS,
         "found \"9\", wanted one of the classes 1, 2, 3, 4, 5, 6, 7, 8, 10, 11 and 3 more", WEFT_EDATA, 0,
         "1,2,3,4,5,6,7,8,10,11,12,13,14", 0},
        {"x,y\n1,b\n1,\n", NULL, TARGET_CLASS, "read %s:3:2 (y): found \"\", wanted a label, which may not be missing", BAD},
        {"1,b\n1,NA\n", NULL, TARGET_CLASS, "read %s:2:2: found \"NA\", wanted a label", BAD},
        {"1,b\n1,\"a\nb\"\n", NULL, TARGET_CLASS,
         "read %s:2:2: found the control character 0a in the name of a class (\"a?b\")", BAD},
        {"1,b\n1,a\x7f\n", NULL, TARGET_CLASS, "found the control character 7f", BAD},
        {"1,b\n1,a\xc2\x85\n", NULL, TARGET_CLASS, "found the control character 85", BAD},
        {"1,b\n1,M\xfcller\n", NULL, TARGET_CLASS,
         "read %s:2:2: found the byte fc in the name of a class (\"M\xfcller\"), wanted UTF-8", BAD},
        {"1,\xed\xa0\x80\n", NULL, TARGET_CLASS, "found the byte ed", BAD},      /* a surrogate */
        {"1,\xc0\xaf\n", NULL, TARGET_CLASS, "found the byte c0", BAD},          /* longer than need be */
        {"1,\xf4\x90\x80\x80\n", NULL, TARGET_CLASS, "found the byte f4", BAD},
        {"1,a\xe2\x82\n", NULL, TARGET_CLASS, "found the byte e2", BAD},         /* cut off */
        {"1,\xf0\x9f\x98\x80\n", NULL, TARGET_CLASS, "1 > 0 [\xf0\x9f\x98\x80]", GOOD},
    };
    CHECK(cases);
}

static void several_label_columns_are_shares(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"x,cat,dog\n1,1,0\n2,.25,.75\n", "label=cat,dog", TARGET_CLASS, "1 > 1 0; 2 > 0.25 0.75 [cat,dog]", GOOD},
        {"x,cat,dog\n1,1,0\n2,.25,.75\n", "label=2,1", TARGET_CLASS, "1 > 0 1; 2 > 0.75 0.25 [dog,cat]", GOOD},
        {"x,cat,dog\n1,1,1\n", "label=cat,dog", TARGET_SCORES, "1 > 1 1 [cat,dog]", GOOD},
        {"1,1,0\n2,0,1\n", "label=1,2", TARGET_CLASS, "1 > 1 0; 2 > 0 1", GOOD},
        {"x,cat,dog\n1,1,0\n", "label=cat,dog", TARGET_CLASS, "1 > 0 1 [dog,cat]", WEFT_OK, 0, "dog,cat", 0},     /* by name */
        {"1,1,0\n", "label=1,2", TARGET_CLASS, "1 > 1 0 [dog,cat]", WEFT_OK, 0, "dog,cat", 0},                   /* by place */
        {"x,cat,cow\n1,1,0\n", "label=cat,cow", TARGET_CLASS,
         "read %s:1:3 (cow): found a label column of this name, wanted one of dog, cat", WEFT_EDATA, 0, "dog,cat", 0},
        {"x,cat,dog\n1,1,0\n", "label=cat,dog", TARGET_SCORES,
         "read %s:1: found 2 label columns, wanted 3, one for each of dog, cat, cow", WEFT_EDATA, 0, "dog,cat,cow", 0},
        {"1,1,0\n", "label=1,2", TARGET_CLASS, "found 2 label columns, wanted 3", WEFT_EDATA, 0, "dog,cat,cow", 0},
        {"x,cat,cat\n1,1,0\n", "label=1,2", TARGET_CLASS, "read %s:1:3 (cat): found a second label column with this name", BAD},
        {"x,cat,\n1,1,0\n", "label=1,2", TARGET_CLASS, "read %s:1:3 (): found an empty name of a class", BAD},
        {"x,cat,dog\n1,1,1.5\n", "label=cat,dog", TARGET_CLASS,
         "read %s:2:3 (dog): found \"1.5\", wanted a number from 0 to 1", BAD},
        {"x,cat,dog\n1,1,-.1\n", "label=cat,dog", TARGET_SCORES, "found \"-.1\", wanted a number from 0 to 1", BAD},
        {"x,cat,dog\n1,1,no\n", "label=cat,dog", TARGET_CLASS, "found \"no\", wanted a number from 0 to 1", BAD},
        {"x,cat,dog\n1,1,\n", "label=cat,dog", TARGET_CLASS, "read %s:2:3 (dog): found \"\", wanted a label", BAD},
        {"x,cat,dog\n1,inf,1\n", "label=cat,dog", TARGET_CLASS, "read %s:2:2 (cat): found \"inf\", wanted a finite number", BAD},
    };
    CHECK(cases);
}

static void labels_as_values_or_not_at_all(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"x,y\n1,2.5\n2,-3e4\n", NULL, TARGET_VALUES, "1 > 2.5; 2 > -30000 [y]", GOOD},
        {"x,y,z\n1,2.5,7\n", "label=z,y", TARGET_VALUES, "1 > 7 2.5 [z,y]", GOOD},
        {"x,y,z\n1,2.5,7\n", "label=z,y", TARGET_VALUES, "1 > 2.5 7 [y,z]", WEFT_OK, 0, "y,z", 0},      /* by name */
        {"x,y\n1,2.5\n", NULL, TARGET_VALUES, "1 > 2.5 [price]", WEFT_OK, 1, "price", 0},
        {"x,y\n1,2.5\n", NULL, TARGET_VALUES, "found 1 label columns, wanted 2, one for each of a, b", WEFT_EDATA, 1, "a,b", 0},
        {"x,y\n1,a\n", NULL, TARGET_VALUES, "read %s:2:2 (y): found \"a\", wanted a number to be predicted", BAD},
        {"x,y\n1,nan\n", NULL, TARGET_VALUES, "read %s:2:2 (y): found \"nan\", wanted a label, which may not be missing", BAD},
        {"x,y\n1,1e40\n", NULL, TARGET_VALUES, "wanted a finite number", BAD},
        {"x,y\n1,2\n", NULL, TARGET_VALUES,
         "found 1 features (2 columns, 1 of them labels or left out), wanted 2", WEFT_EDATA, 2, NULL, 0},

        {"1,2\n3,4\n", NULL, TARGET_NOTHING, "1 2; 3 4", WEFT_OK, 2, NULL, 0},           /* no labels */
        {"x,y\n3,4\n", NULL, TARGET_NOTHING, "3 4", WEFT_OK, 2, NULL, 0},
        {"1,2,a\n3,4,\n", NULL, TARGET_NOTHING,
         "1 2; 3 4", WEFT_OK, 2, NULL, 0},        /* the last column is a label, not looked at */
        {"y,a,b\nq,1,2\n", "label=y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"y,a,b\nq,1,2\n", "label=y&drop=y,y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},    /* named again: left out once */
        {"a,b\n1,2\n", "label=y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},           /* the header has none of this name */
        {"y,a,b\nq,1,2\n", "label=0", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"a,b\n1,2\n", "label=0", TARGET_NOTHING,
         "1 2", WEFT_OK, 2, NULL, 0},           /* no column too many: none is left out */
        {"id,a,b,y\n7,1,2,q\n", "drop=id&label=y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"id,a,b\n7,1,2\n", "drop=id&label=y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"a,b,y\n1,2,q\n", "drop=id&label=y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"7,1,2\n", "drop=0", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"7,1,2,q\n", "drop=0", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"7,1,2,q\n", "drop=0&label=3", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"a,b\n1,2\n", "drop=0", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},            /* no column too many: none is dropped */
        {"1\n\"\"\n\n2\n", NULL, TARGET_NOTHING, "1; nan; 2", WEFT_OK, 1, NULL, 0},
        {"1,2\n", "drop=5&label=7", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"a,b,y,z\n1,2,q,r\n", "label=z,y", TARGET_NOTHING, "1 2", WEFT_OK, 2, NULL, 0},
        {"a,b,y\n1,2,q\n", NULL, TARGET_NOTHING, "1 2", GOOD},                           /* as for training */
        {"a,y\n1,2\n", "label=y", TARGET_NOTHING,
         "found 1 features (2 columns, 1 of them labels or left out), wanted 2", WEFT_EDATA, 2, NULL, 0},
        {"1,2,3,4\n", NULL, TARGET_NOTHING,
         "found 3 features (4 columns, 1 of them labels or left out), wanted 2", WEFT_EDATA, 2, NULL, 0},
        {"1,2\n", NULL, TARGET_NOTHING,
         "found 2 features (2 columns, 0 of them labels or left out), wanted 3", WEFT_EDATA, 3, NULL, 0},
        {"1,2,x\n1,q,x\n", "header=no", TARGET_NOTHING, "read %s:2:2: found \"q\", wanted a number", WEFT_EDATA, 2, NULL, 0},
    };
    CHECK(cases);
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    struct source source = {0};
    struct read_request request = {.where = sample_path, .options = "", .target = TARGET_CLASS};
    assert_int_equal(csv_read(&request, &source), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), sample_path));
    request.where = "/tmp";
    assert_int_equal(csv_read(&request, &source), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), "directory"));
    sample_put("", 0);
    request.where = sample_path;
    assert_int_equal(csv_read(&request, &source), WEFT_EDATA);
    assert_non_null(strstr(weft_last_error(), "the file is empty"));
}

/* ---- Large files ---- */

/* A file of some MB made of random rows, and what is in it. */
enum { LARGE_FEATURES = 5, LARGE_ROWS = 50000, LARGE_BYTES = 1 << 24, LABELS = 4 };
struct large { char *text; size_t bytes; float value[LARGE_ROWS][LARGE_FEATURES]; int32_t label[LARGE_ROWS]; };
static const char *const large_label[LABELS] = {"\"q\"", "a b", "x,y;z|w", "z"};         /* in the order of their bytes */

static void large_quote(struct large *large, const char *cell, bool is_quoted)
{
    large->text[large->bytes] = '"';
    large->bytes += is_quoted;
    for (; *cell != '\0'; cell++) {
        large->text[large->bytes++] = *cell;
        if (*cell == '"' && is_quoted)
            large->text[large->bytes++] = '"';
    }
    large->text[large->bytes] = '"';
    large->bytes += is_quoted;
}

/* The first column is text, now and then a long one, with all that quotes allow. */
static void large_note(struct large *large, uint32_t *random)
{
    static const char piece[] = "abc\"\n\r,; \t|\xc3\xa9";
    char note[3000];
    size_t length = random_next(random) % (random_next(random) % 512 == 0 ? sizeof note : 12);
    for (size_t i = 0; i < length; i++)
        note[i] = piece[random_next(random) % (sizeof piece - 1)];
    note[length] = '\0';
    large_quote(large, note, true);
}

static void large_make(struct large *large, char separator, const char *line_end)
{
    uint32_t random = 5;
    large->bytes = 0;
    for (size_t n = 0; n < LARGE_ROWS; n++) {
        large_note(large, &random);
        for (size_t j = 0; j < LARGE_FEATURES; j++) {
            char number[32];
            int32_t value = (int32_t)(random_next(&random) % 200000) - 100000;
            snprintf(number, sizeof number, "%.*f", (int)(random % 3) + 3, value / 1000.0);
            large->value[n][j] = (float)(value / 1000.0);
            large->text[large->bytes++] = separator;
            large_quote(large, number, random_next(&random) % 3 == 0);
        }
        large->label[n] = (int32_t)(random_next(&random) % LABELS);
        large->text[large->bytes++] = separator;
        large_quote(large, large_label[large->label[n]], true);
        large->bytes += (size_t)sprintf(large->text + large->bytes, "%s", line_end);
        assert_true(large->bytes < LARGE_BYTES - 10000);
    }
}

static void large_check(const struct large *large, const char *options)
{
    struct source source = {0};
    struct read_request request = {.where = sample_path, .options = options, .target = TARGET_CLASS};
    if (csv_read(&request, &source) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    assert_int_equal(source.train.count, LARGE_ROWS);
    assert_int_equal(source.train.features, LARGE_FEATURES);
    assert_memory_equal(source.train.value, large->value, sizeof large->value);
    assert_memory_equal(source.train.label, large->label, sizeof large->label);
    assert_int_equal(source.classes.count, LABELS);
    for (size_t i = 0; i < LABELS; i++)
        assert_string_equal(source.classes.name[i], large_label[i]);
    source_free(&source);
}

/* Rows, cells, quotes and line ends lie across the pieces in which a file comes. */
static void large_files_are_read_in_pieces(void **state)
{
    (void)state;
    static const char separator[] = {',', ';', '\t', '|', ' '};
    static const char *const line_end[] = {"\n", "\r\n", "\r"}, *const name[] = {"comma", "semicolon", "tab", "pipe", "space"};
    struct large *large = memory_new(1, sizeof *large);
    uint8_t *packed = memory_new(LARGE_BYTES, 1);
    assert_non_null(large);
    assert_non_null(packed);
    large->text = memory_new(LARGE_BYTES, 1);
    assert_non_null(large->text);
    for (size_t i = 0; i < 15; i++) {
        char options[64];
        snprintf(options, sizeof options, "sep=%s&drop=0", name[i % 5]);
        large_make(large, separator[i % 5], line_end[i / 5]);
        assert_true(large->bytes > 5 << 19);
        sample_put(large->text, large->bytes);
        large_check(large, options);
        if (i % 4 == 0) {
            sample_put(packed, sample_pack(large->text, large->bytes, packed, LARGE_BYTES));
            large_check(large, options);
        }
    }
    memory_free(large->text);
    memory_free(large);
    memory_free(packed);
}

/* The end of the first piece at every place of a text with all that takes more than one byte. */
static void every_place_may_be_the_end_of_a_piece(void **state)
{
    (void)state;
    static const char tail[] = "1,\"a\"\"\"\"b\" ,x\r\n\r\n3,\"\r\n\"\"\r\r\n\", \"y\"\r\n7 ,\"\",x\r\n", wrong[] = "q,,x";
    enum { PIECE = 1 << 20 };
    char *text = memory_new(PIECE + sizeof tail + sizeof wrong, 1);
    assert_non_null(text);
    memset(text, 'p', PIECE);
    memcpy(text, "5,", 2);
    for (size_t before = 0; before < sizeof tail + sizeof wrong; before++) {
        size_t start = PIECE - before;
        memcpy(text + start - 4, ",z\r\n", 4);
        strcpy(text + start, tail);
        sample_put(text, start + strlen(text + start));
        const struct text_case good = {"1 MiB of text and some rows", "drop=1", TARGET_CLASS,
                                       "5 > 2; 1 > 0; 3 > 1; 7 > 0 [x,y,z]", GOOD};
        case_check(csv_read, &good);
        strcat(text + start, wrong);
        sample_put(text, start + strlen(text + start));
        const struct text_case bad = {"the same and a bad row", "drop=1", TARGET_CLASS, "%s:9:1: found \"q\"", BAD};
        case_check(csv_read, &bad);
    }
    memory_free(text);
}

/* Cells up to a limit, rows of any length; what begins with a quote that is never closed is not taken in to the end. */
static void long_cells_and_rows(void **state)
{
    (void)state;
    enum { BYTES = 5 << 20 };
    char *text = memory_new(BYTES + 64, 1);
    assert_non_null(text);
    for (size_t round = 0; round < 4; round++) {                /* a cell of 1 MiB, or one more; quoted or not */
        size_t bytes = 0, length = (1 << 20) + round % 2;
        bytes += (size_t)sprintf(text, "1,2,a\n1,%s", round < 2 ? "\"" : "");
        memset(text + bytes, 'x', length);
        bytes += length;
        bytes += (size_t)sprintf(text + bytes, "%s,b\n", round < 2 ? "\"" : "");
        sample_put(text, bytes);
        const struct text_case good = {"1 MiB", "drop=1", TARGET_CLASS, "1 > 0; 1 > 1 [a,b]", GOOD},
                               bad = {"more than 1 MiB", "drop=1", TARGET_CLASS,
                                      round < 2 ? "%s:2:2: a quoted cell that begins here goes on for more than 1 MiB; wanted its"
                                      " closing quote" : "%s:2:2: found a cell of more than 1 MiB", BAD};
        case_check(csv_read, round % 2 == 0 ? &good : &bad);
    }
    size_t columns = 1200000, bytes = 0;                        /* 2 rows wider than the window */
    for (size_t i = 0; i < 2 * columns; i++)
        bytes += (size_t)sprintf(text + bytes, "%zu%c", i % 9, i % columns == columns - 1 ? '\n' : ',');
    sample_put(text, bytes);
    struct source source = {0};
    struct read_request request = {.where = sample_path, .options = "", .target = TARGET_VALUES};
    assert_int_equal(csv_read(&request, &source), WEFT_OK);
    assert_int_equal(source.train.count, 2);
    assert_int_equal(source.train.features, columns - 1);
    for (size_t i = 0; i < columns - 1; i++)
        assert_true(source.train.value[columns - 1 + i] == (float)((columns + i) % 9));
    source_free(&source);
    memory_free(text);
}

static void too_many_cells_in_a_row(void **state)
{
    (void)state;
    size_t cells = ((size_t)1 << 24) + 1;
    char *text = memory_new(cells, 1);
    uint8_t *packed = memory_new(1 << 20, 1);
    assert_non_null(text);
    assert_non_null(packed);
    memset(text, ',', cells);
    sample_put(packed, sample_pack(text, cells, packed, 1 << 20));
    const struct text_case bad = {"17 million cells", NULL, TARGET_CLASS,
                                  "%s:1:16777217: found more than 16777216 cells in a row", BAD};
    case_check(csv_read, &bad);
    memory_free(packed);
    memory_free(text);
}

/* The table, and besides neither the text of the file nor a second table. */
static void a_table_is_in_memory_once(void **state)
{
    (void)state;
    enum { ROWS = 160000, FEATURES = 100 };                     /* 64 MB from as large a text */
    char *row = memory_new(4 * FEATURES + 8, 1);
    size_t bytes = 0;
    assert_non_null(row);
    for (size_t j = 0; j < FEATURES; j++)
        bytes += (size_t)sprintf(row + bytes, "%zu,", 100 + j);
    row[bytes++] = '1';
    row[bytes++] = '\n';
    FILE *file = fopen(sample_path, "wb");
    assert_non_null(file);
    for (size_t n = 0; n < ROWS; n++)
        assert_int_equal(fwrite(row, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    memory_free(row);
    peak_check(csv_read, sample_path, ROWS, (size_t)ROWS * FEATURES * sizeof(float) / 8 * 12);
}

static void cut_off_packed_files_are_refused(void **state)
{
    (void)state;
    static const char text[] = "x,y,name\n1,2,a\n3,4,b\n5,6,\"c\"\n";
    uint8_t packed[256];
    size_t packed_bytes = sample_pack(text, strlen(text), packed, sizeof packed);
    for (size_t n = 2; n < packed_bytes; n++) {
        const struct text_case bad = {"cut off", NULL, TARGET_CLASS, "unpack %s: the gzip data is cut off", BAD};
        sample_put(packed, n);
        case_check(csv_read, &bad);
    }
    packed[packed_bytes - 6] ^= 1;
    const struct text_case bad = {"wrong sum", NULL, TARGET_CLASS, "unpack %s: damaged gzip data", BAD};
    sample_put(packed, packed_bytes);
    case_check(csv_read, &bad);
}

/* ---- Memory, damage ---- */

static void failing_memory_is_reported(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"id,x,y,name\n9,1,2,b\n9,3,4,\"a\"\"\"\n9,5,,b\n", "drop=id&label=name", TARGET_CLASS,
         "1 2 > 1; 3 4 > 0; 5 nan > 1 [a\",b]", GOOD},
        {"x,y\n1,b\n1,a\n1,1\n", NULL, TARGET_CLASS, "1 > 1; 1 > 2; 1 > 3 [c,b,a,1]", WEFT_OK, 1, "c,b,a,1", 0},
        {"x,cat,dog\n1,1,0\n", "label=cat,dog", TARGET_CLASS, "1 > 0 1 [dog,cat]", WEFT_OK, 0, "dog,cat", 0},
        {"x,y\n1,2\n", NULL, TARGET_VALUES, "1 > 2 [y]", GOOD},
        {"x,y\n1,2\n", NULL, TARGET_NOTHING, "1", GOOD},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        failing_memory_check(csv_read, &cases[i], 10);
    const struct read_request request = {.where = sample_path, .options = "label=species", .target = TARGET_CLASS};
    struct source source = {0};
    sample_put("a,b,c\n1,2,3\n", 12);
    for (size_t n = 1;; n++) {                  /* while the names of the columns are listed for the message */
        memory_fail_from(n);
        weft_status st = csv_read(&request, &source);
        memory_fail_from(0);
        assert_true(is_all_zero(&source));
        if (st == WEFT_EDATA)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
        assert_true(n < 100);
    }
    assert_non_null(strstr(weft_last_error(), "label=species: no column has this name; the first row is: a, b, c"));
}

/* Many classes: the table of words grows, and its blocks. */
static void many_classes(void **state)
{
    (void)state;
    enum { CLASSES = 20000 };
    char *text = memory_new(CLASSES * 2 * 16, 1);
    size_t bytes = 0;
    assert_non_null(text);
    for (size_t n = 0; n < 2 * CLASSES; n++)                    /* the class of row n: 7919 n mod 20000, each twice */
        bytes += (size_t)sprintf(text + bytes, "1,c%05zu\n", n * 7919 % CLASSES);
    sample_put(text, bytes);
    struct names known = {0};
    for (size_t round = 0; round < 2; round++) {
        struct source source = {0};
        struct read_request request = {.where = sample_path, .options = "", .target = TARGET_CLASS, .classes = &known};
        assert_int_equal(csv_read(&request, &source), WEFT_OK);
        assert_int_equal(source.classes.count, CLASSES);
        for (size_t n = 0; n < 2 * CLASSES; n++)
            assert_int_equal(source.train.label[n], n * 7919 % CLASSES);
        if (round == 0)
            assert_int_equal(names_copy(&source.classes, &known), WEFT_OK);
        source_free(&source);
    }
    names_free(&known);
    memory_free(text);
}

static void random_damage_is_survived(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"id,x,y,name\n9,1.5,2,b\n9,3,-4e1,\"a\"\"\"\n9,5,,\"b\n\"\n", "drop=id&label=name", TARGET_CLASS, NULL, GOOD},
        {"1;2;b\r\n3;4;a\r\n5;nan;01\r\n", NULL, TARGET_CLASS, NULL, WEFT_OK, 2, "c,b,a,1", 0},
        {"x,cat,dog\n1,1,0\n0,.5,.25\n", "label=cat,dog", TARGET_SCORES, NULL, WEFT_OK, 0, "dog,cat", 0},
        {" 1 2 \n3   4\n", NULL, TARGET_VALUES, NULL, GOOD},
        {"\"x\"|y|z\n1|2|3\n4|5|\"6\"\n", "label=z", TARGET_NOTHING, NULL, WEFT_OK, 2, NULL, 0},
    };
    damage_check(csv_read, cases, COUNT(cases), "\",;|\t \n\r0123456789.-eabnx?", 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cells_and_lines, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(separators, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(headers, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(label_columns, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(numbers_and_missing_values, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(bad_shapes, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(one_label_column_is_a_class, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(several_label_columns_are_shares, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(labels_as_values_or_not_at_all, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(files_that_are_not_there, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(large_files_are_read_in_pieces, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(every_place_may_be_the_end_of_a_piece, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(long_cells_and_rows, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(too_many_cells_in_a_row, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(a_table_is_in_memory_once, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(cut_off_packed_files_are_refused, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(failing_memory_is_reported, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(many_classes, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(random_damage_is_survived, sample_setup, sample_teardown),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
