#include "include/hone_kernels.h"
#include <string.h>
#include <math.h>
int64_t hk_format_block_elements(hk_format f){return f==HK_F32||f==HK_F16||f==HK_BF16?1:f>=HK_Q2_K&&f<=HK_Q6_K?256:32;}
int64_t hk_format_block_bytes(hk_format f){switch(f){case HK_F32:return 4;case HK_F16:case HK_BF16:return 2;case HK_Q4_0:case HK_IQ4_NL:return 18;case HK_Q4_1:return 20;case HK_Q5_0:return 22;case HK_Q5_1:return 24;case HK_Q8_0:return 34;case HK_Q2_K:return 84;case HK_Q3_K:return 110;case HK_Q4_K:return 144;case HK_Q5_K:return 176;default:return 210;}}
void hk_dequantize_row(hk_format f,const void*b,int64_t n,float*o){
 if(f==HK_F32){memcpy(o,b,n*4);return;}
 if(f==HK_BF16){const uint16_t*p=b;for(int64_t i=0;i<n;i++){uint32_t u=(uint32_t)p[i]<<16;memcpy(o+i,&u,4);}return;}
 if(f==HK_F16){const _Float16*p=b;for(int64_t i=0;i<n;i++)o[i]=p[i];return;}
 const uint8_t*p=b;
 if(f==HK_Q4_1)for(int64_t i=0;i<n/32;i++,p+=20){_Float16 d,m;memcpy(&d,p,2);memcpy(&m,p+2,2);float D=d,M=m;for(int j=0;j<16;j++){o[i*32+j]=D*(p[4+j]&15)+M;o[i*32+16+j]=D*(p[4+j]>>4)+M;}}
 if(f==HK_Q8_0)for(int64_t i=0;i<n/32;i++,p+=34){_Float16 d;memcpy(&d,p,2);float D=d;for(int j=0;j<32;j++)o[i*32+j]=D*(int8_t)p[2+j];}
}
void hk_rmsnorm(const float*x,const float*w,int64_t rows,int64_t n,float eps,float off,float*y,float*inv){for(int64_t r=0;r<rows;r++,x+=n,y+=n){float s=0;for(int64_t i=0;i<n;i++)s+=x[i]*x[i];s=1/sqrtf(s/n+eps);if(inv)inv[r]=s;for(int64_t i=0;i<n;i++)y[i]=x[i]*s*(w[i]+off);}}
void hk_swiglu(const float*g,const float*u,int64_t n,float*y){for(int64_t i=0;i<n;i++)y[i]=g[i]/(1+expf(-g[i]))*u[i];}
void hk_axpy(int64_t n,float a,const float*x,float*y){for(int64_t i=0;i<n;i++)y[i]+=a*x[i];}
void hk_f32_to_f16(const float*x,int64_t n,uint16_t*y){for(int64_t i=0;i<n;i++){_Float16 h=x[i];memcpy(y+i,&h,2);}}
void hk_rope(float*x,int64_t rows,int64_t heads,int64_t dim,int64_t pairs,const int32_t*pos,const float*c,const float*s,int inverse){for(int64_t r=0;r<rows;r++)for(int64_t h=0;h<heads;h++){float*p=x+(r*heads+h)*dim;for(int64_t i=0;i<pairs;i++){float co=c[pos[r]*pairs+i],si=s[pos[r]*pairs+i];if(inverse)si=-si;float a=p[i],b=p[i+pairs];p[i]=a*co-b*si;p[i+pairs]=b*co+a*si;}}}
void hk_add(const float*a,const float*b,int64_t n,float*y){for(int64_t i=0;i<n;i++)y[i]=a[i]+b[i];}
float hk_logsumexp(const float*x,int64_t n){float m=x[0];for(int64_t i=1;i<n;i++)if(x[i]>m)m=x[i];double s=0;for(int64_t i=0;i<n;i++)s+=expf(x[i]-m);return m+log(s);}
