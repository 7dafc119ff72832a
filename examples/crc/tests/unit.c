/* The check values of the catalogue of CRC algorithms, and of nothing. */
#include "crc32.h"
#include <stdio.h>
#include <string.h>

static int wrong;

static void check(const char *text, uint32_t expected)
{
    uint32_t found = crc32_of((const unsigned char *)text, strlen(text));
    if (found != expected) {
        fprintf(stderr, "FAIL  crc32 of \"%s\": %08x, not %08x\n", text, (unsigned)found, (unsigned)expected);
        wrong++;
    }
}

int main(void)
{
    check("", 0x00000000u);
    check("123456789", 0xCBF43926u);
    check("The quick brown fox jumps over the lazy dog", 0x414FA339u);
    return wrong != 0;
}
