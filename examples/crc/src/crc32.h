/* CRC-32 as in zip and PNG (IEEE 802.3, reflected, polynomial 0xEDB88320). */
#ifndef CRC32_H
#define CRC32_H
#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const unsigned char *bytes, size_t length);

#endif
