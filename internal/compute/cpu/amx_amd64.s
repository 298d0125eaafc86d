//go:build !noasm

#include "textflag.h"
#include "go_asm.h"
#include "amx_amd64.h"
#include "amx_split_amd64.h"

// Every tile has 16 rows of 64 bytes.
DATA tileShapes<>+0(SB)/8, $0x0000000000000001
DATA tileShapes<>+8(SB)/8, $0
DATA tileShapes<>+16(SB)/8, $0x0040004000400040
DATA tileShapes<>+24(SB)/8, $0x0040004000400040
DATA tileShapes<>+32(SB)/8, $0
DATA tileShapes<>+40(SB)/8, $0
DATA tileShapes<>+48(SB)/8, $0x1010101010101010
DATA tileShapes<>+56(SB)/8, $0
GLOBL tileShapes<>(SB), RODATA|NOPTR, $64

// Where the parts of a step begin, see amx_pack.go.
#define HIGH 0
#define MIDDLE 2048
#define LOW 4096

#define LOAD_A(part) TILELOADD(4, R_AX, R_DX, part); TILELOADD(5, R_AX, R_DX, part+1024)
#define LOAD_B(part) TILELOADD(6, R_BX, R_DX, part); TILELOADD(7, R_BX, R_DX, part+1024)
#define MULTIPLY TDPBF16PS(0, 4, 6); TDPBF16PS(1, 4, 7); TDPBF16PS(2, 5, 6); TDPBF16PS(3, 5, 7)

// func amxMultiply(j *amxJob)
//
// Four tiles hold the sums of 32 x 32 elements of C, the others two tiles of A and two of B. A step of the
// inner loop takes 32 columns of A and 32 rows of B. Its six products of parts come in an order in which one
// side's tiles stay from one product to the next, so that 14 loads feed 24 multiplications. A group of 32 rows of A stays
// in the first-level cache while the panels of B pass by. Meanwhile, between the products, the vector units pack
// the next group. It stops before a group with an infinity or NaN.
TEXT ·amxMultiply(SB), NOSPLIT, $72-8
	LEAQ tileShapes<>(SB), AX
	LDTILECFG_AX
	SPLIT_CONSTANTS(rowWords)
	MOVQ j+0(FP), R15
	MOVQ amxJob_ldc(R15), SI
	MOVQ amxJob_lds(R15), R9
	SHLQ $2, SI
	SHLQ $2, R9
	MOVQ R9, lds-8(SP)
	SHLQ $3, R9
	MOVQ R9, far-16(SP) // eight rows ahead
	MOVQ amxJob_src(R15), R9
	MOVQ amxJob_this(R15), AX
	MOVQ AX, this-24(SP)
	MOVQ amxJob_next(R15), AX
	MOVQ AX, next-32(SP)
	MOVQ amxJob_cols(R15), AX
	MOVQ AX, cols-40(SP)
	MOVQ amxJob_depth(R15), AX
	ANDQ $31, AX
	MOVQ $-1, CX
	BZHIQ AX, CX, CX // columns of the last step of a row of A
	KMOVW CX, K3
	SHRQ $16, CX
	KMOVW CX, K4
	VBROADCASTSS amxJob_alpha(R15), Z29
	VBROADCASTSS amxJob_beta(R15), Z28
	XORQ R14, R14 // from C's first element to the rows at hand

group:
	MOVQ amxJob_b(R15), BX
	MOVQ cols-40(SP), R10
	MOVQ $32, CX
	MOVQ amxJob_rows(R15), AX
	MOVQ AX, R13
	CMPQ R13, CX
	CMOVQGT CX, R13 // rows of this group
	SUBQ R13, AX
	MOVQ AX, amxJob_rows(R15)
	CMPQ AX, CX
	CMOVQGT CX, AX
	MOVQ AX, left-48(SP) // rows of the next group that are not packed yet
	MOVQ next-32(SP), AX
	MOVQ AX, dst-56(SP)
	VPXORD Z20, Z20, Z20
	MOVQ amxJob_c(R15), DI
	ADDQ R14, DI
	MOVQ amxJob_d(R15), R8

	// Plain sums of full tiles go straight to C. R12 tells whether they may.
	XORQ R12, R12
	TESTQ R8, R8
	JNZ  added
	CMPL amxJob_alpha(R15), $0x3f800000
	JNE  tile
	CMPQ R13, $32
	JNE  tile
	INCQ R12
	JMP  tile

added:
	ADDQ R14, R8

tile:
	TILEZERO(0)
	TILEZERO(1)
	TILEZERO(2)
	TILEZERO(3)
	MOVQ this-24(SP), AX
	MOVQ amxJob_steps(R15), CX
	MOVQ CX, steps-64(SP)

step:
	MOVQ $64, DX
	LOAD_A(HIGH)
	LOAD_B(LOW)
	MULTIPLY
	LOAD_B(HIGH)
	MULTIPLY
	LOAD_B(MIDDLE)
	MULTIPLY
	LOAD_A(MIDDLE)
	MULTIPLY
	LOAD_B(HIGH)
	MULTIPLY
	LOAD_A(LOW)
	MULTIPLY
	ADDQ $6144, AX
	ADDQ $6144, BX
	MOVQ amxJob_quota(R15), CX
	MOVQ CX, quota-72(SP)

pack:
	DECQ left-48(SP)
	JS   packed
	MOVQ R9, R11
	MOVQ dst-56(SP), DX
	MOVQ amxJob_depth(R15), CX
	SUBQ $32, CX
	JL   short

whole:
	VMOVUPS (R11), Z0
	VMOVUPS 64(R11), Z1
	SPLIT(DX, 0)
	ADDQ far-16(SP), R11
	PREFETCHT0 (R11)
	PREFETCHT0 64(R11)
	SUBQ far-16(SP), R11
	ADDQ $128, R11
	ADDQ $6144, DX
	SUBQ $32, CX
	JGE  whole

short:
	ADDQ $32, CX
	JZ   packedRow
	VMOVUPS.Z (R11), K3, Z0
	VMOVUPS.Z 64(R11), K4, Z1
	SPLIT(DX, 0)

packedRow:
	ADDQ lds-8(SP), R9
	ADDQ $64, dst-56(SP)
	DECQ quota-72(SP)
	JNZ  pack

packed:
	DECQ steps-64(SP)
	JNZ  step
	ADDQ $64, BX // the gap between panels

	CMPQ R10, $32
	JLT  through
	TESTQ R12, R12
	JZ   through
	MOVQ SI, CX
	SHLQ $4, CX
	ADDQ DI, CX
	TILESTORED(0, R_DI, R_SI, 0)
	TILESTORED(1, R_DI, R_SI, 64)
	TILESTORED(2, R_CX, R_SI, 0)
	TILESTORED(3, R_CX, R_SI, 64)
	JMP  nextTile

through:
	MOVQ amxJob_sums(R15), CX
	MOVQ $128, DX
	TILESTORED(0, R_CX, R_DX, 0)
	TILESTORED(1, R_CX, R_DX, 64)
	TILESTORED(2, R_CX, R_DX, 2048)
	TILESTORED(3, R_CX, R_DX, 2112)
	MOVQ $-1, AX
	CMPQ R10, $32
	JGE  masks
	BZHIQ R10, AX, AX // the columns that C has

masks:
	KMOVW AX, K1
	SHRQ $16, AX
	KMOVW AX, K2
	MOVQ DI, AX
	MOVQ R13, DX
	TESTQ R8, R8
	JNZ  add

store:
	VMULPS (CX), Z29, Z0
	VMULPS 64(CX), Z29, Z1
	VMOVUPS Z0, K1, (AX)
	VMOVUPS Z1, K2, 64(AX)
	ADDQ $128, CX
	ADDQ SI, AX
	DECQ DX
	JNZ  store
	JMP  nextTile

add:
	MOVQ R8, R11

addRow:
	VMOVUPS.Z (R11), K1, Z0
	VMOVUPS.Z 64(R11), K2, Z1
	VMULPS Z28, Z0, Z0
	VMULPS Z28, Z1, Z1
	VFMADD231PS (CX), Z29, Z0
	VFMADD231PS 64(CX), Z29, Z1
	VMOVUPS Z0, K1, (AX)
	VMOVUPS Z1, K2, 64(AX)
	ADDQ $128, CX
	ADDQ SI, R11
	ADDQ SI, AX
	DECQ DX
	JNZ  addRow
	ADDQ $128, R8

nextTile:
	ADDQ $128, DI
	SUBQ $32, R10
	JG   tile

	CMPQ amxJob_rows(R15), $0
	JEQ  done
	VCMPPS $3, Z20, Z20, K1 // what is no number
	KORTESTW K1, K1
	JNE  done
	MOVQ SI, AX
	SHLQ $5, AX
	ADDQ AX, R14
	MOVQ cols-40(SP), AX
	ADDQ amxJob_more(R15), AX
	MOVQ amxJob_most(R15), CX
	CMPQ AX, CX
	CMOVQGT CX, AX
	MOVQ AX, cols-40(SP)
	MOVQ this-24(SP), AX
	MOVQ next-32(SP), CX
	MOVQ AX, next-32(SP)
	MOVQ CX, this-24(SP)
	JMP  group

done:
	TILERELEASE
	VZEROUPPER
	RET
