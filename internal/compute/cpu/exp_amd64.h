// The exponential as a part of other kernels; vector_amd64.s says how it is computed.

// EXP512 replaces z by exp(z), as expSum16AVX512 does; n, p and q are overwritten.
#define EXP512(z, n, p, q) \
	VMAXPS z, Z27, z; \
	VMULPS Z17, z, n; \
	VRNDSCALEPS $0, n, n; \
	VFNMADD231PS Z18, n, z; \
	VFNMADD231PS Z19, n, z; \
	VMOVAPS Z20, p; \
	VFMADD213PS Z21, z, p; \
	VFMADD213PS Z22, z, p; \
	VFMADD213PS Z23, z, p; \
	VFMADD213PS Z24, z, p; \
	VFMADD213PS Z25, z, p; \
	VMULPS z, z, q; \
	VADDPS Z26, z, z; \
	VFMADD231PS q, p, z; \
	VSCALEFPS n, z, z

#define CONSTANTS512 \
	VBROADCASTSS ·expConst+0(SB), Z17; \
	VBROADCASTSS ·expConst+4(SB), Z18; \
	VBROADCASTSS ·expConst+8(SB), Z19; \
	VBROADCASTSS ·expConst+12(SB), Z20; \
	VBROADCASTSS ·expConst+16(SB), Z21; \
	VBROADCASTSS ·expConst+20(SB), Z22; \
	VBROADCASTSS ·expConst+24(SB), Z23; \
	VBROADCASTSS ·expConst+28(SB), Z24; \
	VBROADCASTSS ·expConst+32(SB), Z25; \
	VBROADCASTSS ·expConst+36(SB), Z26; \
	VBROADCASTSS ·expConst+52(SB), Z27

// EXP256 replaces y by exp(y), as expSum8AVX2 does; n, p, q and m are overwritten.
#define EXP256(y, n, p, q, m) \
	VCMPPS $1, Y10, y, m; \
	VMAXPS y, Y10, y; \
	VMINPS y, Y9, y; \
	VMULPS Y14, y, n; \
	VROUNDPS $0, n, n; \
	VFNMADD231PS Y13, n, y; \
	VFNMADD231PS Y12, n, y; \
	VBROADCASTSS ·expConst+12(SB), p; \
	VBROADCASTSS ·expConst+16(SB), q; \
	VFMADD213PS q, y, p; \
	VBROADCASTSS ·expConst+20(SB), q; \
	VFMADD213PS q, y, p; \
	VBROADCASTSS ·expConst+24(SB), q; \
	VFMADD213PS q, y, p; \
	VBROADCASTSS ·expConst+28(SB), q; \
	VFMADD213PS q, y, p; \
	VBROADCASTSS ·expConst+32(SB), q; \
	VFMADD213PS q, y, p; \
	VMULPS y, y, q; \
	VADDPS Y11, y, y; \
	VFMADD231PS q, p, y; \
	VCVTPS2DQ n, n; \
	VPADDD Y8, n, n; \
	VPSLLD $23, n, n; \
	VMULPS n, y, y; \
	VANDNPS y, m, y

#define CONSTANTS256 \
	VBROADCASTSS ·expConst+0(SB), Y14; \
	VBROADCASTSS ·expConst+4(SB), Y13; \
	VBROADCASTSS ·expConst+8(SB), Y12; \
	VBROADCASTSS ·expConst+36(SB), Y11; \
	VBROADCASTSS ·expConst+40(SB), Y10; \
	VBROADCASTSS ·expConst+44(SB), Y9; \
	VBROADCASTSS ·expConst+48(SB), Y8
