//go:build !noasm

#include "textflag.h"

// Products of a few rows with panels of packed weights. A panel is depth rows of 32 weights (AVX-512) or
// 16 (AVX2), so a kernel adds in the order of the depth, one sum an output, whatever its number of rows.
//
// Registers: AX row 0 of x, R8 bytes between rows of x, R13 three times that, R9 bytes between elements
// of a row, BX weights, R10 bytes between rows of weights, R11 bytes between panels, DI y, SI bytes
// between rows of y, CX depth.
#define ARGS \
	MOVQ depth+0(FP), CX \
	MOVQ x+8(FP), AX     \
	MOVQ xr+16(FP), R8   \
	MOVQ xk+24(FP), R9   \
	MOVQ w+32(FP), BX    \
	MOVQ wk+40(FP), R10  \
	MOVQ step+48(FP), R11 \
	MOVQ y+56(FP), DI    \
	MOVQ yr+64(FP), SI   \
	MOVQ scale+72(FP), DX \
	SHLQ $2, R8          \
	SHLQ $2, R9          \
	SHLQ $2, SI          \
	LEAQ (R8)(R8*2), R13

// Upper half of a pair of bfloat16 weights.
DATA upperHalf<>+0(SB)/4, $0xffff0000
GLOBL upperHalf<>(SB), RODATA|NOPTR, $4

// ZLOAD_x(p, a, b) widens the 32 weights at p into a and b.
#define ZINIT_F32
#define ZLOAD_F32(p, q, a, b) \
	VMOVUPS p, a \
	VMOVUPS q, b
#define ZINIT_BF16 VPBROADCASTD upperHalf<>(SB), Z31
#define ZLOAD_BF16(p, q, a, b) \
	VMOVDQU32 p, b      \
	VPSLLD $16, b, a    \
	VPANDD Z31, b, b
#define ZINIT_INT8
#define ZLOAD_INT8(p, q, a, b) \
	VPMOVSXBD p, a   \
	VPMOVSXBD q, b   \
	VCVTDQ2PS a, a   \
	VCVTDQ2PS b, b

// AHEAD_x fetches the weights 16 or 32 rows further on, so that reading them and multiplying overlap.
#define ZAHEAD_F32 \
	PREFETCHT0 2048(BX) \
	PREFETCHT0 2112(BX)
#define ZAHEAD_FAR \
	PREFETCHT1 (BX)(R15*1) \
	PREFETCHT1 64(BX)(R15*1)
#define ZAHEAD_BF16 PREFETCHT0 2048(BX)
#define ZAHEAD_INT8 PREFETCHT0 1024(BX)
#define YAHEAD_F32 PREFETCHT0 2048(BX)
#define YAHEAD_BF16 PREFETCHT0 1024(BX)
#define YAHEAD_INT8 PREFETCHT0 512(BX)

// The same in four panels.
#define AHEAD4(at) \
	PREFETCHT0 at(BX)         \
	PREFETCHT0 at(BX)(R11*1)  \
	PREFETCHT0 at(BX)(R11*2)  \
	PREFETCHT0 at(BX)(R13*1)
#define ZAHEAD4_F32 \
	AHEAD4(2048) \
	AHEAD4(2112)
#define ZAHEAD4_BF16 AHEAD4(1024)
#define ZAHEAD4_INT8 AHEAD4(512)
#define YAHEAD4_F32 AHEAD4(1024)
#define YAHEAD4_BF16 AHEAD4(512)
#define YAHEAD4_INT8 AHEAD4(256)

#define YINIT_F32
#define YLOAD_F32(p, q, a, b) \
	VMOVUPS p, a \
	VMOVUPS q, b
#define YINIT_BF16 VPBROADCASTD upperHalf<>(SB), Y15
#define YLOAD_BF16(p, q, a, b) \
	VMOVDQU p, b        \
	VPSLLD $16, b, a    \
	VPAND Y15, b, b
#define YINIT_INT8
#define YLOAD_INT8(p, q, a, b) \
	VPMOVSXBD p, a   \
	VPMOVSXBD q, b   \
	VCVTDQ2PS a, a   \
	VCVTDQ2PS b, b

#define ZCLEAR8 \
	VPXORD Z0, Z0, Z0 \
	VPXORD Z1, Z1, Z1 \
	VPXORD Z2, Z2, Z2 \
	VPXORD Z3, Z3, Z3 \
	VPXORD Z4, Z4, Z4 \
	VPXORD Z5, Z5, Z5 \
	VPXORD Z6, Z6, Z6 \
	VPXORD Z7, Z7, Z7

#define YCLEAR8 \
	VXORPS Y0, Y0, Y0 \
	VXORPS Y1, Y1, Y1 \
	VXORPS Y2, Y2, Y2 \
	VXORPS Y3, Y3, Y3 \
	VXORPS Y4, Y4, Y4 \
	VXORPS Y5, Y5, Y5 \
	VXORPS Y6, Y6, Y6 \
	VXORPS Y7, Y7, Y7

// SCALE2 multiplies a row's two sums by the scales in s and t.
#define SCALE2(a, b, s, t) \
	VMULPS s, a, a \
	VMULPS t, b, b

// ADD2 and PUT2 add what y holds and store two registers of a row of y.
#define ZADD2(a, b) \
	VADDPS (DI), a, a   \
	VADDPS 64(DI), b, b
#define ZPUT2(a, b) \
	VMOVUPS a, (DI)   \
	VMOVUPS b, 64(DI) \
	ADDQ SI, DI
#define YADD2(a, b) \
	VADDPS (DI), a, a   \
	VADDPS 32(DI), b, b
#define YPUT2(a, b) \
	VMOVUPS a, (DI)   \
	VMOVUPS b, 32(DI) \
	ADDQ SI, DI

// Eight rows, one panel of 32.
#define ROWS8(INIT, LOAD, HALF, AHEAD) \
	ARGS                           \
	LEAQ (AX)(R8*4), R12           \
	INIT                           \
	ZCLEAR8                        \
	VPXORD Z8, Z8, Z8              \
	VPXORD Z9, Z9, Z9              \
	VPXORD Z10, Z10, Z10           \
	VPXORD Z11, Z11, Z11           \
	VPXORD Z12, Z12, Z12           \
	VPXORD Z13, Z13, Z13           \
	VPXORD Z14, Z14, Z14           \
	VPXORD Z15, Z15, Z15           \
loop: \
	LOAD((BX), HALF(BX), Z16, Z17) \
	AHEAD                          \
	VBROADCASTSS (AX), Z18         \
	VFMADD231PS Z16, Z18, Z0       \
	VFMADD231PS Z17, Z18, Z1       \
	VBROADCASTSS (AX)(R8*1), Z19   \
	VFMADD231PS Z16, Z19, Z2       \
	VFMADD231PS Z17, Z19, Z3       \
	VBROADCASTSS (AX)(R8*2), Z20   \
	VFMADD231PS Z16, Z20, Z4       \
	VFMADD231PS Z17, Z20, Z5       \
	VBROADCASTSS (AX)(R13*1), Z21  \
	VFMADD231PS Z16, Z21, Z6       \
	VFMADD231PS Z17, Z21, Z7       \
	VBROADCASTSS (R12), Z22        \
	VFMADD231PS Z16, Z22, Z8       \
	VFMADD231PS Z17, Z22, Z9       \
	VBROADCASTSS (R12)(R8*1), Z23  \
	VFMADD231PS Z16, Z23, Z10      \
	VFMADD231PS Z17, Z23, Z11      \
	VBROADCASTSS (R12)(R8*2), Z24  \
	VFMADD231PS Z16, Z24, Z12      \
	VFMADD231PS Z17, Z24, Z13      \
	VBROADCASTSS (R12)(R13*1), Z25 \
	VFMADD231PS Z16, Z25, Z14      \
	VFMADD231PS Z17, Z25, Z15      \
	ADDQ R9, AX                    \
	ADDQ R9, R12                   \
	ADDQ R10, BX                   \
	DECQ CX                        \
	JNZ  loop                      \
	TESTQ DX, DX                   \
	JZ   whole                     \
	VMOVUPS (DX), Z26              \
	VMOVUPS 64(DX), Z27            \
	SCALE2(Z0, Z1, Z26, Z27)       \
	SCALE2(Z2, Z3, Z26, Z27)       \
	SCALE2(Z4, Z5, Z26, Z27)       \
	SCALE2(Z6, Z7, Z26, Z27)       \
	SCALE2(Z8, Z9, Z26, Z27)       \
	SCALE2(Z10, Z11, Z26, Z27)     \
	SCALE2(Z12, Z13, Z26, Z27)     \
	SCALE2(Z14, Z15, Z26, Z27)     \
whole: \
	MOVBLZX accumulate+80(FP), DX  \
	TESTL DX, DX                   \
	JZ   fresh                     \
	MOVQ DI, AX                    \
	ZADD2(Z0, Z1)                  \
	ADDQ SI, DI                    \
	ZADD2(Z2, Z3)                  \
	ADDQ SI, DI                    \
	ZADD2(Z4, Z5)                  \
	ADDQ SI, DI                    \
	ZADD2(Z6, Z7)                  \
	ADDQ SI, DI                    \
	ZADD2(Z8, Z9)                  \
	ADDQ SI, DI                    \
	ZADD2(Z10, Z11)                \
	ADDQ SI, DI                    \
	ZADD2(Z12, Z13)                \
	ADDQ SI, DI                    \
	ZADD2(Z14, Z15)                \
	MOVQ AX, DI                    \
fresh: \
	ZPUT2(Z0, Z1)                  \
	ZPUT2(Z2, Z3)                  \
	ZPUT2(Z4, Z5)                  \
	ZPUT2(Z6, Z7)                  \
	ZPUT2(Z8, Z9)                  \
	ZPUT2(Z10, Z11)                \
	ZPUT2(Z12, Z13)                \
	ZPUT2(Z14, Z15)                \
	VZEROUPPER                     \
	RET

// Four rows, one panel. A, B are the two halves of the weights, C to F the elements of x.
#define ROWS4(INIT, CLEAR, LOAD, HALF, AHEAD, ADD2, PUT2, NEXT, A, B, C, D, E, F, S0, S1, S2, S3, S4, S5, S6, S7) \
	ARGS                         \
	INIT                         \
	CLEAR                        \
loop: \
	LOAD((BX), HALF(BX), A, B)   \
	AHEAD                        \
	VBROADCASTSS (AX), C         \
	VFMADD231PS A, C, S0         \
	VFMADD231PS B, C, S1         \
	VBROADCASTSS (AX)(R8*1), D   \
	VFMADD231PS A, D, S2         \
	VFMADD231PS B, D, S3         \
	VBROADCASTSS (AX)(R8*2), E   \
	VFMADD231PS A, E, S4         \
	VFMADD231PS B, E, S5         \
	VBROADCASTSS (AX)(R13*1), F  \
	VFMADD231PS A, F, S6         \
	VFMADD231PS B, F, S7         \
	ADDQ R9, AX                  \
	ADDQ R10, BX                 \
	DECQ CX                      \
	JNZ  loop                    \
	TESTQ DX, DX                 \
	JZ   whole                   \
	VMOVUPS (DX), A              \
	VMOVUPS NEXT(DX), B          \
	SCALE2(S0, S1, A, B)         \
	SCALE2(S2, S3, A, B)         \
	SCALE2(S4, S5, A, B)         \
	SCALE2(S6, S7, A, B)         \
whole: \
	MOVBLZX accumulate+80(FP), DX \
	TESTL DX, DX                 \
	JZ   fresh                   \
	MOVQ DI, AX                  \
	ADD2(S0, S1)                 \
	ADDQ SI, DI                  \
	ADD2(S2, S3)                 \
	ADDQ SI, DI                  \
	ADD2(S4, S5)                 \
	ADDQ SI, DI                  \
	ADD2(S6, S7)                 \
	MOVQ AX, DI                  \
fresh: \
	PUT2(S0, S1)                 \
	PUT2(S2, S3)                 \
	PUT2(S4, S5)                 \
	PUT2(S6, S7)                 \
	VZEROUPPER                   \
	RET

// One row, four panels: enough sums to hide the latency of the additions. The panels' outputs and
// scales lie behind each other.
#define ROW1(INIT, CLEAR, LOAD, HALF, AHEAD, ADD2, PUT2, NEXT, A, B, C, S0, S1, S2, S3, S4, S5, S6, S7) \
	ARGS                                     \
	LEAQ (R11)(R11*2), R13                   \
	MOVQ $(2*NEXT), SI                       \
	INIT                                     \
	CLEAR                                    \
loop: \
	VBROADCASTSS (AX), C                     \
	AHEAD                                    \
	LOAD((BX), HALF(BX), A, B)               \
	VFMADD231PS A, C, S0                     \
	VFMADD231PS B, C, S1                     \
	LOAD((BX)(R11*1), HALF(BX)(R11*1), A, B) \
	VFMADD231PS A, C, S2                     \
	VFMADD231PS B, C, S3                     \
	LOAD((BX)(R11*2), HALF(BX)(R11*2), A, B) \
	VFMADD231PS A, C, S4                     \
	VFMADD231PS B, C, S5                     \
	LOAD((BX)(R13*1), HALF(BX)(R13*1), A, B) \
	VFMADD231PS A, C, S6                     \
	VFMADD231PS B, C, S7                     \
	ADDQ R9, AX                              \
	ADDQ R10, BX                             \
	DECQ CX                                  \
	JNZ  loop                                \
	TESTQ DX, DX                             \
	JZ   whole                               \
	VMULPS 0*NEXT(DX), S0, S0                \
	VMULPS 1*NEXT(DX), S1, S1                \
	VMULPS 2*NEXT(DX), S2, S2                \
	VMULPS 3*NEXT(DX), S3, S3                \
	VMULPS 4*NEXT(DX), S4, S4                \
	VMULPS 5*NEXT(DX), S5, S5                \
	VMULPS 6*NEXT(DX), S6, S6                \
	VMULPS 7*NEXT(DX), S7, S7                \
whole: \
	MOVBLZX accumulate+80(FP), DX            \
	TESTL DX, DX                             \
	JZ   fresh                               \
	MOVQ DI, AX                              \
	ADD2(S0, S1)                             \
	ADDQ SI, DI                              \
	ADD2(S2, S3)                             \
	ADDQ SI, DI                              \
	ADD2(S4, S5)                             \
	ADDQ SI, DI                              \
	ADD2(S6, S7)                             \
	MOVQ AX, DI                              \
fresh: \
	PUT2(S0, S1)                             \
	PUT2(S2, S3)                             \
	PUT2(S4, S5)                             \
	PUT2(S6, S7)                             \
	VZEROUPPER                               \
	RET

#define ZROWS4(INIT, LOAD, HALF, AHEAD) ROWS4(INIT, ZCLEAR8, LOAD, HALF, AHEAD, ZADD2, ZPUT2, 64, Z16, Z17, Z18, Z19, Z20, Z21, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
#define YROWS4(INIT, LOAD, HALF, AHEAD) ROWS4(INIT, YCLEAR8, LOAD, HALF, AHEAD, YADD2, YPUT2, 32, Y8, Y9, Y10, Y11, Y12, Y13, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
#define ZROW1(INIT, LOAD, HALF, AHEAD) ROW1(INIT, ZCLEAR8, LOAD, HALF, AHEAD, ZADD2, ZPUT2, 64, Z16, Z17, Z18, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
#define YROW1(INIT, LOAD, HALF, AHEAD) ROW1(INIT, YCLEAR8, LOAD, HALF, AHEAD, YADD2, YPUT2, 32, Y8, Y9, Y10, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)

// func rows8F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows8F32AVX512(SB), NOSPLIT, $0-81
	ROWS8(ZINIT_F32, ZLOAD_F32, 64, ZAHEAD_F32)

// func values8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool, far int)
//
// rows8F32AVX512 that fetches weights far bytes further on, for a later call, as they need less time to be multiplied
// than to be read.
TEXT ·values8AVX512(SB), NOSPLIT, $0-96
	MOVQ far+88(FP), R15
	ROWS8(ZINIT_F32, ZLOAD_F32, 64, ZAHEAD_FAR)

// func rows4F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4F32AVX512(SB), NOSPLIT, $0-81
	ZROWS4(ZINIT_F32, ZLOAD_F32, 64, ZAHEAD_F32)

// func row1F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1F32AVX512(SB), NOSPLIT, $0-81
	ZROW1(ZINIT_F32, ZLOAD_F32, 64, ZAHEAD4_F32)

// func rows4F32AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4F32AVX2(SB), NOSPLIT, $0-81
	YROWS4(YINIT_F32, YLOAD_F32, 32, YAHEAD_F32)

// func row1F32AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1F32AVX2(SB), NOSPLIT, $0-81
	YROW1(YINIT_F32, YLOAD_F32, 32, YAHEAD4_F32)

// func rows8BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows8BF16AVX512(SB), NOSPLIT, $0-81
	ROWS8(ZINIT_BF16, ZLOAD_BF16, 0, ZAHEAD_BF16)

// func rows4BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4BF16AVX512(SB), NOSPLIT, $0-81
	ZROWS4(ZINIT_BF16, ZLOAD_BF16, 0, ZAHEAD_BF16)

// func row1BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1BF16AVX512(SB), NOSPLIT, $0-81
	ZROW1(ZINIT_BF16, ZLOAD_BF16, 0, ZAHEAD4_BF16)

// func rows4BF16AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4BF16AVX2(SB), NOSPLIT, $0-81
	YROWS4(YINIT_BF16, YLOAD_BF16, 0, YAHEAD_BF16)

// func row1BF16AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1BF16AVX2(SB), NOSPLIT, $0-81
	YROW1(YINIT_BF16, YLOAD_BF16, 0, YAHEAD4_BF16)

// func rows8INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows8INT8AVX512(SB), NOSPLIT, $0-81
	ROWS8(ZINIT_INT8, ZLOAD_INT8, 16, ZAHEAD_INT8)

// func rows4INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4INT8AVX512(SB), NOSPLIT, $0-81
	ZROWS4(ZINIT_INT8, ZLOAD_INT8, 16, ZAHEAD_INT8)

// func row1INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1INT8AVX512(SB), NOSPLIT, $0-81
	ZROW1(ZINIT_INT8, ZLOAD_INT8, 16, ZAHEAD4_INT8)

// func rows4INT8AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·rows4INT8AVX2(SB), NOSPLIT, $0-81
	YROWS4(YINIT_INT8, YLOAD_INT8, 8, YAHEAD_INT8)

// func row1INT8AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)
TEXT ·row1INT8AVX2(SB), NOSPLIT, $0-81
	YROW1(YINIT_INT8, YLOAD_INT8, 8, YAHEAD4_INT8)

