//go:build !noasm

#include "textflag.h"
#include "exp_amd64.h"

// func softmaxGrad16AVX512(s, dp *float32, n int, shift, d float32)
//
// p = exp(s - shift) goes to s, p (dp - d) to dp.
TEXT ·softmaxGrad16AVX512(SB), NOSPLIT, $0-32
	MOVQ s+0(FP), DI
	MOVQ dp+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), Z16
	VBROADCASTSS d+28(FP), Z28
	CONSTANTS512

grad512:
	VMOVUPS (DI), Z1
	VSUBPS Z16, Z1, Z1
	EXP512(Z1, Z2, Z3, Z4)
	VMOVUPS (SI), Z5
	VSUBPS Z28, Z5, Z5
	VMULPS Z1, Z5, Z5
	VMOVUPS Z1, (DI)
	VMOVUPS Z5, (SI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ  grad512
	VZEROUPPER
	RET

// func softmaxGrad8AVX2(s, dp *float32, n int, shift, d float32)
TEXT ·softmaxGrad8AVX2(SB), NOSPLIT, $0-32
	MOVQ s+0(FP), DI
	MOVQ dp+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), Y15
	VBROADCASTSS d+28(FP), Y6
	CONSTANTS256

grad256:
	VMOVUPS (DI), Y1
	VSUBPS Y15, Y1, Y1
	EXP256(Y1, Y2, Y3, Y4, Y5)
	VMOVUPS (SI), Y7
	VSUBPS Y6, Y7, Y7
	VMULPS Y1, Y7, Y7
	VMOVUPS Y1, (DI)
	VMOVUPS Y7, (SI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  grad256
	VZEROUPPER
	RET

// func max32AVX512(x *float32, n int) float32
//
// NaN must win: lanes that have met one are remembered in K1.
TEXT ·max32AVX512(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	KXORW K1, K1, K1

max512:
	VMOVUPS (SI), Z2
	VMOVUPS 64(SI), Z3
	VCMPPS $3, Z3, Z2, K2 // either is NaN
	KORW K2, K1, K1
	VMAXPS Z2, Z0, Z0
	VMAXPS Z3, Z1, Z1
	ADDQ $128, SI
	SUBQ $32, CX
	JNZ  max512

	VMAXPS Z1, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VMAXPS X1, X0, X0
	VMOVSHDUP X0, X1
	VMAXSS X1, X0, X0
	KORTESTW K1, K1
	JZ    number512
	VPCMPEQD X0, X0, X0

number512:
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET
