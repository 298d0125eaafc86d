//go:build !noasm

#include "textflag.h"

// func scale8AVX(dst, src *float32, n int, a float32)
TEXT ·scale8AVX(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS a+24(FP), Y0

scale256:
	VMULPS (SI), Y0, Y1
	VMOVUPS Y1, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  scale256
	VZEROUPPER
	RET

// func copyScaled8AVX(dst *float32, ldd int, src *float32, lds, rows, cols int, a float32)
//
// Rows of a head lie far apart: each one asks for the one eight rows on.
TEXT ·copyScaled8AVX(SB), NOSPLIT, $0-52
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ rows+32(FP), CX
	MOVQ cols+40(FP), R9
	VBROADCASTSS a+48(FP), Y0
	SHLQ $2, DX
	SHLQ $2, BX
	LEAQ (SI)(BX*8), R8

scaleRow:
	XORQ AX, AX

scaleBlock:
	PREFETCHT0 (R8)(AX*4)
	VMULPS (SI)(AX*4), Y0, Y1
	VMOVUPS Y1, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, R9
	JLT  scaleBlock
	ADDQ BX, SI
	ADDQ BX, R8
	ADDQ DX, DI
	DECQ CX
	JNZ  scaleRow
	VZEROUPPER
	RET

// func normalize8AVX(out, x, w *float32, n int, r float32)
//
// out = x r w.
TEXT ·normalize8AVX(SB), NOSPLIT, $0-36
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), BX
	MOVQ n+24(FP), CX
	VBROADCASTSS r+32(FP), Y0
	XORQ AX, AX

normalize256:
	VMULPS (SI)(AX*4), Y0, Y1
	VMULPS (BX)(AX*4), Y1, Y1
	VMOVUPS Y1, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT  normalize256
	VZEROUPPER
	RET

// func dot3x16AVX(x, y, z *float32, n int) float32
//
// The sum of x y z.
TEXT ·dot3x16AVX(SB), NOSPLIT, $0-36
	MOVQ x+0(FP), SI
	MOVQ y+8(FP), DI
	MOVQ z+16(FP), BX
	MOVQ n+24(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	XORQ AX, AX

dot3:
	VMOVUPS (SI)(AX*4), Y2
	VMOVUPS 32(SI)(AX*4), Y3
	VMULPS (DI)(AX*4), Y2, Y2
	VMULPS 32(DI)(AX*4), Y3, Y3
	VFMADD231PS (BX)(AX*4), Y2, Y0
	VFMADD231PS 32(BX)(AX*4), Y3, Y1
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  dot3

	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET

// func normGrad8AVX(dx, dw, dy, x, w *float32, n int, r, c float32)
//
// dw += dy x r and dx += dy w r - x c.
TEXT ·normGrad8AVX(SB), NOSPLIT, $0-56
	MOVQ dx+0(FP), DI
	MOVQ dw+8(FP), DX
	MOVQ dy+16(FP), SI
	MOVQ x+24(FP), R8
	MOVQ w+32(FP), BX
	MOVQ n+40(FP), CX
	VBROADCASTSS r+48(FP), Y0
	VBROADCASTSS c+52(FP), Y1
	XORQ AX, AX

normGrad:
	VMULPS (SI)(AX*4), Y0, Y2 // dy r
	VMOVUPS (R8)(AX*4), Y3
	VMOVUPS (DX)(AX*4), Y4
	VFMADD231PS Y2, Y3, Y4
	VMOVUPS Y4, (DX)(AX*4)
	VMOVUPS (DI)(AX*4), Y5
	VFMADD231PS (BX)(AX*4), Y2, Y5
	VFNMADD231PS Y1, Y3, Y5
	VMOVUPS Y5, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT  normGrad
	VZEROUPPER
	RET
