//go:build !noasm

#include "textflag.h"

// Products and sums are rounded one by one, as Go does; squares are exact in float64, so that a fused
// multiply-add gives the bits of a product and a sum.

// SQUARES adds the squares of the eight elements of y, whose lower half is x, to two sums.
#define SQUARES(y, x, s0, s1) \
	VCVTPS2PD x, Y14; \
	VFMADD231PD Y14, Y14, s0; \
	VEXTRACTF128 $1, y, X14; \
	VCVTPS2PD X14, Y14; \
	VFMADD231PD Y14, Y14, s1

// SUMS stores the sixteen sums at BX.
#define SUMS \
	VMOVUPD Y8, (BX); \
	VMOVUPD Y9, 32(BX); \
	VMOVUPD Y10, 64(BX); \
	VMOVUPD Y11, 96(BX); \
	VZEROUPPER

#define NOSUMS \
	VXORPD Y8, Y8, Y8; \
	VXORPD Y9, Y9, Y9; \
	VXORPD Y10, Y10, Y10; \
	VXORPD Y11, Y11, Y11; \
	XORQ AX, AX

// func momentum16AVX2(m, grad, y *float32, n int, mu float32, nesterov bool, sum *squareSum)
TEXT ·momentum16AVX2(SB), NOSPLIT, $0-48
	MOVQ m+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), CX
	MOVBLZX nesterov+36(FP), R8
	MOVQ sum+40(FP), BX
	VBROADCASTSS mu+32(FP), Y15
	NOSUMS

momentum:
	VMOVUPS (SI)(AX*4), Y2
	VMOVUPS 32(SI)(AX*4), Y3
	VMULPS (DI)(AX*4), Y15, Y0
	VMULPS 32(DI)(AX*4), Y15, Y1
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	VMOVUPS Y0, (DI)(AX*4)
	VMOVUPS Y1, 32(DI)(AX*4)
	TESTL R8, R8
	JZ   plain
	VMULPS Y0, Y15, Y0
	VMULPS Y1, Y15, Y1
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1

plain:
	VMOVUPS Y0, (DX)(AX*4)
	VMOVUPS Y1, 32(DX)(AX*4)
	SQUARES(Y0, X0, Y8, Y9)
	SQUARES(Y1, X1, Y10, Y11)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  momentum
	SUMS
	RET

// func apply16AVX2(w, o *float32, n int, keep, rate float32, sum *squareSum)
TEXT ·apply16AVX2(SB), NOSPLIT, $0-40
	MOVQ w+0(FP), DI
	MOVQ o+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS keep+24(FP), Y15
	VBROADCASTSS rate+28(FP), Y13
	MOVQ sum+32(FP), BX
	NOSUMS

apply:
	VMOVUPS (SI)(AX*4), Y0
	VMOVUPS 32(SI)(AX*4), Y1
	VMULPS (DI)(AX*4), Y15, Y2
	VMULPS 32(DI)(AX*4), Y15, Y3
	VMULPS Y0, Y13, Y4
	VMULPS Y1, Y13, Y5
	VSUBPS Y4, Y2, Y2
	VSUBPS Y5, Y3, Y3
	VMOVUPS Y2, (DI)(AX*4)
	VMOVUPS Y3, 32(DI)(AX*4)
	SQUARES(Y0, X0, Y8, Y9)
	SQUARES(Y1, X1, Y10, Y11)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  apply
	SUMS
	RET

// ADAM does eight elements at the given offset and leaves u in Y0. Constants are read from R9, an AdamStep:
// B1, D1, B2, D2, C1, C2, Eps, Keep, Rate.
#define ADAM(at) \
	VMOVUPS at(SI)(AX*4), Y2; \
	VBROADCASTSS 0(R9), Y4; \
	VMULPS at(R10)(AX*4), Y4, Y0; \
	VBROADCASTSS 4(R9), Y5; \
	VMULPS Y2, Y5, Y1; \
	VADDPS Y1, Y0, Y0; \
	VMOVUPS Y0, at(R10)(AX*4); \
	VBROADCASTSS 8(R9), Y4; \
	VMULPS at(R11)(AX*4), Y4, Y1; \
	VBROADCASTSS 12(R9), Y5; \
	VMULPS Y2, Y5, Y3; \
	VMULPS Y2, Y3, Y3; \
	VADDPS Y3, Y1, Y1; \
	VMOVUPS Y1, at(R11)(AX*4); \
	VBROADCASTSS 16(R9), Y4; \
	VDIVPS Y4, Y0, Y0; \
	VBROADCASTSS 20(R9), Y5; \
	VDIVPS Y5, Y1, Y1; \
	VSQRTPS Y1, Y1; \
	VBROADCASTSS 24(R9), Y4; \
	VADDPS Y4, Y1, Y1; \
	VDIVPS Y1, Y0, Y0; \
	VBROADCASTSS 28(R9), Y4; \
	VMULPS at(DI)(AX*4), Y4, Y1; \
	VBROADCASTSS 32(R9), Y5; \
	VMULPS Y0, Y5, Y2; \
	VSUBPS Y2, Y1, Y1; \
	VMOVUPS Y1, at(DI)(AX*4)

// func adam16AVX2(w, grad, m, v *float32, n int, s *AdamStep[float32], sum *squareSum)
TEXT ·adam16AVX2(SB), NOSPLIT, $0-56
	MOVQ w+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ m+16(FP), R10
	MOVQ v+24(FP), R11
	MOVQ n+32(FP), CX
	MOVQ s+40(FP), R9
	MOVQ sum+48(FP), BX
	NOSUMS

adam:
	ADAM(0)
	SQUARES(Y0, X0, Y8, Y9)
	ADAM(32)
	SQUARES(Y0, X0, Y10, Y11)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  adam
	SUMS
	RET

// func scale16AVX2(dst, src *float32, n int, a float32)
TEXT ·scale16AVX2(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS a+24(FP), Y15
	XORQ AX, AX

scale:
	VMULPS (SI)(AX*4), Y15, Y0
	VMULPS 32(SI)(AX*4), Y15, Y1
	VMOVUPS Y0, (DI)(AX*4)
	VMOVUPS Y1, 32(DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  scale
	VZEROUPPER
	RET
