// Packing for AMX. Z31 masks the upper half of an element, Z30 says which words of two registers go where, Z27 is half of
// the last bit that the upper half has.

#define SPLIT_CONSTANTS(words) \
	VPTERNLOGD $0xff, Z31, Z31, Z31; \
	VPSLLD $16, Z31, Z31; \
	VMOVDQU64 words<>(SB), Z30; \
	VPSRLD $31, Z31, Z27; \
	VPSLLD $15, Z27, Z27

// SPLIT cuts the elements of Z0 and Z1 into three parts of 8 bits of the significand each and writes them 2048
// bytes apart. The first is rounded to nearest, which makes the others and the products that are left out smaller, the second
// is cut off, and what is left has 8 bits. All differences are exact. The last is added to Z20, which becomes NaN by an
// infinity, by NaN, and by a number that rounding makes infinite.
#define SPLIT(dst, offset) \
	VPADDD Z27, Z0, Z2; \
	VPADDD Z27, Z1, Z3; \
	VPANDD Z31, Z2, Z4; \
	VPANDD Z31, Z3, Z5; \
	VPERMT2W Z3, Z30, Z2; \
	VMOVDQU64 Z2, offset(dst); \
	VSUBPS Z4, Z0, Z4; \
	VSUBPS Z5, Z1, Z5; \
	VPANDD Z31, Z4, Z2; \
	VPANDD Z31, Z5, Z3; \
	VSUBPS Z2, Z4, Z6; \
	VSUBPS Z3, Z5, Z7; \
	VPERMT2W Z5, Z30, Z4; \
	VMOVDQU64 Z4, (offset+2048)(dst); \
	VADDPS Z6, Z20, Z20; \
	VADDPS Z7, Z20, Z20; \
	VPERMT2W Z7, Z30, Z6; \
	VMOVDQU64 Z6, (offset+4096)(dst)

// Words of two registers x and y: the upper halves of x's elements and then of y's.
DATA rowWords<>+0(SB)/8, $0x0007000500030001
DATA rowWords<>+8(SB)/8, $0x000f000d000b0009
DATA rowWords<>+16(SB)/8, $0x0017001500130011
DATA rowWords<>+24(SB)/8, $0x001f001d001b0019
DATA rowWords<>+32(SB)/8, $0x0027002500230021
DATA rowWords<>+40(SB)/8, $0x002f002d002b0029
DATA rowWords<>+48(SB)/8, $0x0037003500330031
DATA rowWords<>+56(SB)/8, $0x003f003d003b0039
GLOBL rowWords<>(SB), RODATA|NOPTR, $64
